"""Projects of MXCP, as they are: ``mxcp-site.yml`` and its user's configuration become a ``ProjectConfig``."""
