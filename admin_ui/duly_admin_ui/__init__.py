"""What people see in a browser: pages, templates and their scripts."""

from duly_admin_ui.access import error_page
from duly_admin_ui.pages import routes

__all__ = ["error_page", "routes"]
