"""The study: notebooks run in order by papermill, kept up to date, published."""
