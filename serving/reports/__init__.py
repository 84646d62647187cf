"""Reports as HTML: one page without scripts for the command line, the same body for the workbench."""
