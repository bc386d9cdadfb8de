"""The database itself: transactions, schema, migrations, paging."""
