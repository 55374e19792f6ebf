"""The API's reference: the OpenAPI document and a page that shows it, from our own files only."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from litestar import Request
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme

PATH = "/api/v1/docs"
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Duly API</title>
<script src="/static/platform/rapidoc-min.js" defer></script>
</head>
<body>
<rapi-doc spec-url="/api/v1/docs/openapi.json" render-style="read" load-fonts="false" show-header="false"
  allow-spec-url-load="false" allow-spec-file-load="false" schema-style="table" primary-color="#2456c5"></rapi-doc>
</body>
</html>
"""


class ReferencePage(OpenAPIRenderPlugin):
    """RapiDoc from our own static files: no request leaves for elsewhere."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        request.scope["state"]["inline_styles"] = True  # RapiDoc writes its own <style> elements, without a nonce
        return PAGE.encode()


def config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Duly API",
        version=version("duly"),
        description="Cards, rules and administration. Send `Authorization: Bearer TOKEN`; an admin makes tokens.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        path=PATH,
        use_handler_docstrings=True,
        render_plugins=[ReferencePage(), JsonRenderPlugin()],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer", description="An API token")}
        ),
        security=[{"token": []}],
    )
