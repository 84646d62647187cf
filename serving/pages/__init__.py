"""The workbench's pages: each a pure function from data objects to HTML in a language, and a template."""
