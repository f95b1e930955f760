"""Two pictures over each other and a slider between them, for a notebook and for its page; works by keyboard."""

from html import escape

from vsrlib.markup import Page, data_url

# Written here and nowhere else: a page allows this script by its digest and no other one, so nothing that comes from
# data can run. Listening at the document, it may stand in a page more than once and before the slider itself.
SCRIPT = (
    'document.addEventListener("input",e=>{const f=e.target.closest("[data-compare]");'
    'if(f)f.style.setProperty("--at",e.target.value+"%")})'
)


def compare(left: tuple[str, bytes], right: tuple[str, bytes], alt: str, width: int) -> Page:
    """Show `left` up to where the slider stands, and `right` beyond; both are (name, PNG of one size).

    alt: what both pictures show. width: of the widest picture, in pixels of the screen. Without scripts the slider
    stays in the middle, and half of each picture is seen.
    """
    (left_name, left_png), (right_name, right_png) = left, right
    names = escape(f"{left_name} to the left, {right_name} to the right")
    whole = "display:block;width:100%;height:auto"
    html = (
        f'<figure data-compare style="--at:50%;margin:0;max-width:{width}px">'
        '<div style="position:relative">'
        f'<img src="{data_url("image/png", right_png)}" alt="{escape(f"{right_name}: {alt}")}" style="{whole}">'
        f'<img src="{data_url("image/png", left_png)}" alt="{escape(f"{left_name}: {alt}")}" '
        f'style="{whole};position:absolute;inset:0;clip-path:inset(0 calc(100% - var(--at)) 0 0)">'
        '<span aria-hidden="true" style="position:absolute;inset:0 auto 0 var(--at);width:2px;margin-left:-1px;'
        'background:#fff;box-shadow:0 0 0 1px #000"></span></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{names}" style="width:100%;margin:.5rem 0 0">'
        '<figcaption style="display:flex;justify-content:space-between;gap:1rem">'
        f"<span>{escape(left_name)}</span><span>{escape(right_name)}</span></figcaption></figure>"
        f"<script>{SCRIPT}</script>"
    )
    return Page(html, f"{left_name} beside {right_name}: {alt}")
