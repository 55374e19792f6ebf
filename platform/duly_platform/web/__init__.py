"""The Litestar application: screens, API, doors, health."""
