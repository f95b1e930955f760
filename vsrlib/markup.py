"""HTML for notebooks: what a cell shows, with its plain text, and images inside it."""

import base64
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, repr=False)
class Page:
    """HTML with its plain text, for what is no single figure."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def image_html(kind: str, data: bytes, alt: str, width: int) -> str:
    """An image that lies inside the page itself, at most `width` pixels wide, no wider than the screen."""
    source = data_url(kind, data)
    return f'<img src="{source}" alt="{escape(alt)}" style="width:100%;max-width:{width}px;height:auto">'


def data_url(kind: str, data: bytes) -> str:
    """A file as an address that holds it; `kind` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
