// Chinese (simplified), from the English where it is used. One table for each room of the pages.

import { apps } from "./zh-apps.js";
import { chat } from "./zh-chat.js";
import { evaluation } from "./zh-evaluation.js";
import { knowledge } from "./zh-knowledge.js";
import { manage } from "./zh-manage.js";
import { tuning } from "./zh-tuning.js";

export { server } from "./zh-server.js";
export default { ...chat, ...knowledge, ...apps, ...evaluation, ...manage, ...tuning };
