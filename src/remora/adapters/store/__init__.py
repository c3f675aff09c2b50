"""The database: schema, migrations, and the stores of the stages on SQLite."""
