// What apps and keys may spend in a day or month, and how far it is spent.

import { button, choice, complain, dialog, field, table, textBox } from "../shared/controls.js";
import { element, iconButton } from "../shared/dom.js";
import { language, minute, t } from "../shared/words.js";

const STATES = { good: t("within"), warning: t("nearly used up"), exceeded: t("used up") };
const COLOURS = { good: "ready", warning: "", exceeded: "failed" };
const PERIODS = [["day", t("a day")], ["month", t("a month")]];

export async function drawBudgets(api, apps) {
  const keys = (await api.list("/v1/keys")).filter(({ revoked_at: gone }) => gone === null);
  const whose = [...apps.map(({ id, name }) => [`app ${id}`, name]), ...keys.map(({ id, name, kind }) => [`key ${id}`, t("Key {name}", { name: name || `${kind} ${id}` })])];
  const list = element("div");
  const draw = ({ data }) => list.replaceChildren(data.length > 0 ? listed(data, new Map(whose), remove)
    : element("p", { class: "fine" }, t("No budget is set: nothing ends because of what it costs.")));
  const put = async (budget) => draw(await api.put("/v1/budgets", budget));
  const remove = ({ of, id, unit, period }) => put({ of, id, unit, period, amount: 0 }).catch(complain);
  const add = button(t("Set a budget"), () => budgetDialog(whose, put), { symbol: "plus" });
  draw(await api.get("/v1/budgets"));
  return element("section", { class: "panel" }, element("div", { class: "row" }, element("h2", {}, t("Budgets")), whose.length > 0 ? add : null), list);
}

function listed(budgets, names, remove) {
  const number = (value) => value.toLocaleString(language, { maximumFractionDigits: 2 });
  const rows = budgets.map((budget) => {
    const { of, id, unit, period, amount, spent, state, resets_at: anew } = budget;
    const name = names.get(`${of} ${id}`) ?? id;
    const bar = element("progress", { max: amount, value: Math.min(spent, amount), "aria-label": t("Spent of the budget of {name}", { name }) });
    return [name, `${number(spent)} / ${number(amount)} ${unit === "tokens" ? t("tokens") : unit} ${new Map(PERIODS).get(period)}`, bar,
      element("span", { class: `status ${COLOURS[state]}` }, STATES[state]), minute(anew), iconButton("trash", t("End the budget of {name}", { name }), () => remove(budget))];
  });
  return table(t("Budgets"), [t("Whose"), t("Spent"), "", t("State"), t("Begins anew"), ""], rows);
}

function budgetDialog(whose, put) {
  const wanted = { whose: whose[0][0], amount: "", unit: "tokens", period: "month" };
  const set = (key) => (value) => (wanted[key] = value);
  dialog(t("Set a budget"), [
    field(t("Whose"), choice(whose, wanted.whose, set("whose"))),
    field(t("Amount"), textBox("", set("amount"), { type: "number", min: 0, step: "any" })),
    field(t("Unit"), textBox(wanted.unit, set("unit")), t("“tokens”, or the currency of your prices, such as EUR.")),
    field(t("In"), choice(PERIODS, wanted.period, set("period"))),
  ], [{
    label: t("Save"), kind: "primary",
    run: () => {
      const [of, id] = wanted.whose.split(" ");
      if (!(Number(wanted.amount) > 0)) throw new Error(t("Give an amount above zero."));
      return put({ of, id, amount: Number(wanted.amount), unit: wanted.unit.trim(), period: wanted.period }).then(() => true);
    },
  }]);
}
