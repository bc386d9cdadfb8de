"""Usage by variant, currency and end user, and budgets."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

USED = """workspace VARCHAR NOT NULL, answers INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL, cost FLOAT NOT NULL, estimated_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL"""

STATEMENTS = (
    """CREATE TABLE budgets ("of" VARCHAR NOT NULL, id VARCHAR NOT NULL, unit VARCHAR NOT NULL,
      period VARCHAR NOT NULL, amount FLOAT NOT NULL,
      CONSTRAINT pk_budgets PRIMARY KEY ("of", id, unit, period))""",
    "ALTER TABLE usage RENAME TO usage_before",
    f"""CREATE TABLE usage (day VARCHAR NOT NULL, key_id VARCHAR NOT NULL, app_id VARCHAR NOT NULL,
      model VARCHAR NOT NULL, variant VARCHAR NOT NULL, currency VARCHAR NOT NULL, {USED},
      CONSTRAINT pk_usage PRIMARY KEY (day, key_id, app_id, model, variant, currency))""",
    f"""CREATE TABLE user_usage (app_id VARCHAR NOT NULL, end_user VARCHAR NOT NULL,
      day VARCHAR NOT NULL, currency VARCHAR NOT NULL, {USED},
      CONSTRAINT pk_user_usage PRIMARY KEY (app_id, end_user, day, currency))""",
    """INSERT INTO usage SELECT day, key_id, app_id, model, '', iif(cost > 0, 'USD', ''), workspace,
      answers, prompt_tokens, completion_tokens, cost, 0, 0, 0 FROM usage_before""",
    """INSERT INTO user_usage SELECT app_id, '', day, currency, workspace, sum(answers),
      sum(prompt_tokens), sum(completion_tokens), sum(cost), 0, 0, 0
    FROM usage GROUP BY app_id, day, currency""",
    "DROP TABLE usage_before",
    "CREATE INDEX ix_usage_key_id_day ON usage (key_id, day)",
    "CREATE INDEX ix_usage_app_id_day ON usage (app_id, day)",
    "CREATE INDEX ix_user_usage_day ON user_usage (day)",
)


def upgrade() -> None:
    op.add_column("messages", sa.Column("currency", sa.String()))
    for statement in STATEMENTS:
        op.execute(statement)
