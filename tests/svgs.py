"""SVGs as people write them, each with the picture that it should give: rectangles of one colour on white."""

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests import images
from tests.images import svg

Box = tuple[float, float, float, float]  # left, top, right, bottom
RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 128, 0), (0, 0, 255), (0, 0, 0)
MARK: Box = (10, 20, 70, 60)
RECT = 'x="10" y="20" width="60" height="40"'
INSET = '<rect x="80" y="80" width="10" height="10" fill="#0000ff"/>'
INSET_BOX: Box = (80, 80, 90, 90)


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG and its picture.

    Attributes:
        data: The file.
        shapes: Rectangles in px of the file, in the order in which they are painted.
        size: Of the file, in px.
        by_debian: Whether librsvg 2.54 of Debian 12, which is older, draws the same.
    """

    data: bytes
    shapes: tuple[tuple[Box, tuple[int, int, int]], ...]
    size: tuple[float, float] = (100, 100)
    by_debian: bool = True

    def picture(self, side: int = 224, factor: int = 8) -> NDArray[np.float32]:
        """float32[side, side, 3], 0..255, of the whole file on white."""
        large = Image.new("RGB", (side * factor, side * factor), "white")
        scale_x, scale_y = (side * factor / length for length in self.size)
        for (left, top, right, bottom), colour in self.shapes:
            box = (
                round(left * scale_x),
                round(top * scale_y),
                round(right * scale_x),
                round(bottom * scale_y),
            )
            large.paste(colour, box)
        return np.asarray(large.reduce(factor), np.float32)


def _styled(css: str, body: str = f'<rect class="a" id="i" {RECT}/>') -> bytes:
    return svg(f"<style>{css}</style>{body}{INSET}")


def _filled(attributes: str) -> bytes:
    return svg(f"<rect {RECT} {attributes}/>{INSET}")


def _embedded(href: str, attribute: str = "xlink:href") -> bytes:
    return svg(f'<image {RECT} preserveAspectRatio="none" {attribute}="{href}"/>{INSET}')


def _marked(data: bytes, colour: tuple[int, int, int] = RED, by_debian: bool = True) -> Drawing:
    return Drawing(data, ((MARK, colour), (INSET_BOX, BLUE)), by_debian=by_debian)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_RED_PNG = images.png(Image.new("RGB", (6, 4), RED))
_RED_JPEG = images.jpeg(Image.new("RGB", (16, 16), RED))
_RED_GIF = images.gif(Image.new("RGB", (6, 4), RED))
_RED_WEBP = images.webp(Image.new("RGB", (6, 4), RED))
_RED_SVG = svg('<rect width="60" height="40" fill="red"/>', 'width="60" height="40"')
_UNSIZED_RED_SVG = svg('<rect width="60" height="40" fill="red"/>', 'viewBox="0 0 60 40"')
_TEXT = _base64(_RED_PNG)
_LINES = "%0A".join(_TEXT[at : at + 20] for at in range(0, len(_TEXT), 20))
_REAL_LINES = "&#10;".join(_TEXT[at : at + 20] for at in range(0, len(_TEXT), 20))

COLOURS = {
    "light-dark behind an attribute": _filled('fill="#ff0000" style="fill:light-dark(#ff0000, #000000)"'),
    "light-dark behind a declaration": _filled('style="fill:#ff0000;fill:light-dark(#ff0000, #121212)"'),
    "light-dark in a style sheet": _styled(".a{fill:#f00;fill:light-dark(#f00,#fff)}"),
    "light-dark of two variables": _filled('fill="#f00" style="fill:light-dark(#f00, var(--dark, #000))"'),
    "display-p3 behind a declaration": _filled(
        'style="fill:#f00;fill:color(display-p3 1 0 0);fill-opacity:1"'
    ),
    "rgb with spaces": _filled('fill="rgb(255 0 0)"'),
    "rgb with spaces in a declaration": _filled('style="fill:rgb(255 0 0)"'),
    "rgb of percentages": _filled('fill="rgb(100%,0%,0%)"'),
    "rgb with spaces and an alpha": _filled('fill="rgb(255 0 0 / 100%)"'),
    "rgba of a percentage": _filled('fill="rgba(255,0,0,100%)"'),
    "hsl with spaces": _filled('fill="hsl(0 100% 50%)"'),
    "hsl with degrees": _filled('fill="hsl(0deg, 100%, 50%)"'),
    "hsla of a percentage": _filled('fill="hsla(0,100%,50%,100%)"'),
    "upper case": _filled('fill="RED"'),
    "four digits": _filled('fill="#f00f"'),
    "eight digits": _filled('fill="#ff0000ff"'),
    "a bad declaration behind a good one": _filled('style="fill:#ff0000;fill:fnord(1)"'),
    "a bad declaration before a good one": _filled('style="fill:fnord(1);fill:#ff0000"'),
    "a bad attribute below a good group": svg(f'<g fill="red"><rect {RECT} fill="#12345"/></g>{INSET}'),
    "two semicolons": _filled('style=";;fill:#ff0000;;stroke:none;;"'),
    "an unknown property": _filled('style="-inkscape-stroke:none;fill:#ff0000;mix:5"'),
    "currentColor": _filled('color="red" fill="currentColor"'),
    "currentColor in lower case": _filled('color="red" fill="currentcolor"'),
    "fill none in upper case": svg(
        f'<rect {RECT} fill="red"/><rect width="9" height="9" fill="NONE"/>{INSET}'
    ),
}
SELECTORS = {
    ":root": _styled(":root{fill:#f00}", f"<rect {RECT}/>"),
    ":not": _styled(".a:not(.b){fill:#f00}"),
    ":not of an id": _styled("rect:not(#j):not(:last-child){fill:#f00}"),
    ":nth-child": _styled("rect:nth-child(2){fill:#f00}"),
    ":nth-of-type": _styled("rect:nth-of-type(1){fill:#f00}"),
    ":first-of-type": _styled("rect:first-of-type{fill:#f00}"),
    "a sibling": _styled("defs ~ rect.a{fill:#f00}", f'<defs/><g/><rect class="a" {RECT}/>'),
    "an adjacent sibling": _styled("g + rect{fill:#f00}", f"<g/><rect {RECT}/>"),
    "an attribute": _styled("[id]{fill:#f00}"),
    "an attribute's value": _styled('[id="i"]{fill:#f00}'),
    "an attribute's beginning": _styled('[class^="a"]{fill:#f00}'),
    "an attribute's end": _styled("[id$=i]{fill:#f00}"),
    "an attribute's part": _styled("[id*=i]{fill:#f00}"),
    "a list": _styled(".z, .a, #y{fill:#f00}"),
    "a child": _styled("svg > rect.a{fill:#f00}"),
    "a CDATA section": _styled("<![CDATA[ .a > b, .a { fill:#f00 } ]]>"),
    "a CSS comment beside rules": _styled("/* c */ .a{fill:#f00}"),
    "an empty type": svg(f'<style type="">.a{{fill:#f00}}</style><rect class="a" {RECT}/>{INSET}'),
    "a media query for darkness": _styled(".a{fill:#f00}@media (prefers-color-scheme: dark){.a{fill:#fff}}"),
    "!important": _styled(".a{fill:#f00 !important}.a{fill:#000}"),
    "an unknown rule before": _styled("@font-face{font-family:x;src:url(x.woff)} .a{fill:#f00}"),
    "svg within svg, as descendants": _styled(
        "svg svg{fill:#f00}", f'<svg><rect {RECT}/></svg><rect x="80" y="80" width="10" height="10"/>'
    ),
}
GEOMETRY = {
    "geometry in CSS": _styled(".a{x:10px;y:20px;width:60px;height:40px;fill:#f00}", '<rect class="a"/>'),
    "a transform in CSS": _styled(
        ".a{transform:translate(10px,20px);fill:#f00}", '<rect class="a" width="60" height="40"/>'
    ),
    "a scaling transform in CSS": _styled(
        ".a{transform:scale(2);fill:#f00}", '<rect class="a" x="5" y="10" width="30" height="20"/>'
    ),
    "a transform in a declaration": svg(
        f'<rect width="60" height="40" fill="red" style="transform:translate(10px,20px)"/>{INSET}'
    ),
    "a reference with spaces": svg(
        f'<defs><rect id="r" {RECT} fill="red"/></defs><use xlink:href="#r"/>{INSET}'
    ),
    "a reference without xlink": svg(f'<defs><rect id="r" {RECT} fill="red"/></defs><use href="#r"/>{INSET}'),
    "a gradient of percentages": svg(
        '<linearGradient id="g"><stop offset="0%" style="stop-color:red"/><stop offset="100%" '
        f'stop-color="#f00"/></linearGradient><rect {RECT} fill="url(#g)"/>{INSET}'
    ),
    "a mask by its alpha": svg(
        f'<mask id="m" style="mask-type:alpha"><rect {RECT} fill="black"/></mask>'
        f'<rect width="100" height="100" fill="red" mask="url(#m)"/>{INSET}'
    ),
}
EMBEDDED = {
    "a PNG": _embedded(f"data:image/png;base64,{_TEXT}"),
    "a PNG by SVG 2's href": _embedded(f"data:image/png;base64,{_TEXT}", "href"),
    "a PNG without a media type": _embedded(f"data:;base64,{_TEXT}"),
    "a PNG without padding": _embedded(f"data:image/png;base64,{_TEXT.rstrip('=')}"),
    "a PNG in escaped lines": _embedded(f"data:image/png;base64,{_LINES}"),
    "a PNG in lines": _embedded(f"data:image/png;base64,{_REAL_LINES}"),
    "a PNG with a charset": _embedded(f"data:image/png;charset=utf-8;base64,{_TEXT}"),
    "a PNG behind spaces": _embedded(f" \n data:image/png;base64,{_TEXT}"),
    "a JPEG": _embedded(f"data:image/jpeg;base64,{_base64(_RED_JPEG)}"),
    "a GIF": _embedded(f"data:image/gif;base64,{_base64(_RED_GIF)}"),
    "an SVG": _embedded(f"data:image/svg+xml;base64,{_base64(_RED_SVG)}"),
    "an SVG in percents": _embedded(
        "data:image/svg+xml," + _RED_SVG.decode().replace("#", "%23").replace("<", "%3C").replace('"', "%22")
    ),
    "an SVG without a size": _embedded(f"data:image/svg+xml;base64,{_base64(_UNSIZED_RED_SVG)}"),
}
_ILLUSTRATOR = (
    '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
    '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [<!ENTITY ns_svg "http://www.w3.org/2000/svg">'
    '<!ENTITY ns_ai "http://ns.adobe.com/AdobeIllustrator/10.0/"><!ENTITY st0 "fill:red;stroke:none;">'
    '<!ATTLIST svg xmlns:x CDATA #FIXED "&ns_ai;">]>'
)
_PLAIN = svg(f'<rect {RECT} fill="red"/>{INSET}').decode()
MARKUP = {
    "Illustrator's entities": (
        f'{_ILLUSTRATOR}<svg xmlns="&ns_svg;" xmlns:i="&ns_ai;" i:viewOrigin="0 0" width="100" height="100">'
        '<switch><foreignObject requiredExtensions="&ns_ai;" width="1" height="1"><i:pgfRef/></foreignObject>'
        f'<g i:extraneous="self"><rect style="&st0;" {RECT}/>{INSET}</g></switch>'
        "<i:pgf><![CDATA[megabytes]]></i:pgf></svg>"
    ).encode(),
    "an entity that names another": svg(
        f'<rect {RECT} fill="&b;"/>{INSET}', before='<!DOCTYPE svg [<!ENTITY a "ff"><!ENTITY b "#&a;0000">]>'
    ),
    "an entity of elements": svg(
        f"&b;{INSET}", before=f"<!DOCTYPE svg [<!ENTITY b '<rect {RECT} fill=\"red\"/>'>]>"
    ),
    "utf8 without its hyphen": b'<?xml version="1.0" encoding="utf8"?><!-- \xc3\xa9 -->' + _PLAIN.encode(),
    "UTF-8 in a byte order mark": b"\xef\xbb\xbf" + _PLAIN.encode(),
    "UTF-16": _PLAIN.encode("utf-16"),
    "Latin-1": b'<?xml version="1.0" encoding="ISO-8859-1"?><!-- \xe9 -->' + _PLAIN.encode(),
    "Latin-2": b'<?xml version="1.0" encoding="iso-8859-2"?><!-- \xe9 -->' + _PLAIN.encode(),
    "windows-1251": b'<?xml version="1.0" encoding="windows-1251"?><!-- \xe9 -->' + _PLAIN.encode(),
    "windows-1252": b'<?xml version="1.0" encoding="windows-1252"?><!-- \x80 -->' + _PLAIN.encode(),
    "Shift JIS": ('<?xml version="1.0" encoding="Shift_JIS"?><!-- 日本 -->' + _PLAIN).encode("shift_jis"),
    "GB 2312": ('<?xml version="1.0" encoding="GB2312"?><!-- 日本 -->' + _PLAIN).encode("gb2312"),
    "a prefix": (
        f'<s:svg xmlns:s="http://www.w3.org/2000/svg" width="100" height="100"><s:rect {RECT} fill="red"/>'
        '<s:rect x="80" y="80" width="10" height="10" fill="blue"/></s:svg>'
    ).encode(),
    "no namespace": f'<svg width="100" height="100"><rect {RECT} fill="red"/>{INSET}</svg>'.encode(),
    "foreign elements": svg(
        f'<x:g xmlns:x="http://example.org/"><x:rect/></x:g><metadata><a/></metadata><script>1</script>'
        f'<foreignObject width="9" height="9"/><rect {RECT} fill="red"/>{INSET}'
    ),
}
# Shown by the librsvg inside libvips, and not by 2.54: images of a media type that it does not know, which
# newer releases sniff, as browsers do; and WebP, for which Debian's GdkPixbuf has no loader.
NEWER = {
    "a PNG without media type and parameters": _embedded(f"data:text/plain;base64,{_TEXT}"),
    "a PNG of an unknown media type": _embedded(f"data:image/x-png;base64,{_TEXT}"),
    "a JPEG by its other name": _embedded(f"data:image/jpg;base64,{_base64(_RED_JPEG)}"),
    "a WebP": _embedded(f"data:image/webp;base64,{_base64(_RED_WEBP)}"),
}

_HALF = (255, 128, 128)
_WHOLE = '<rect width="100" height="100" fill="red"/>'
SIZES = {
    "half an alpha": Drawing(_filled('fill="rgb(255 0 0 / 50%)"'), ((MARK, _HALF), (INSET_BOX, BLUE))),
    "half an alpha, by rgba": Drawing(
        _filled('fill="rgba(255,0,0,50%)"'), ((MARK, _HALF), (INSET_BOX, BLUE))
    ),
    "svg's opacity, once": Drawing(
        svg(f"<style>svg{{opacity:.5}}</style>{_WHOLE}"), (((0, 0, 100, 100), _HALF),)
    ),
    "a size in CSS": Drawing(
        svg(f'<rect {RECT} fill="red"/>{INSET}', 'style="width:200px;height:100px" viewBox="0 0 100 100"'),
        (((60, 20, 120, 60), RED), ((130, 80, 140, 90), BLUE)),
        (200, 100),
    ),
    "a letterbox": Drawing(
        svg('<rect width="10" height="10" fill="red"/>', 'width="200" height="100" viewBox="0 0 10 10"'),
        (((50, 0, 150, 100), RED),),
        (200, 100),
    ),
    "a stretched view box": Drawing(
        svg(
            '<rect width="5" height="10" fill="red"/>',
            'width="200" height="100" viewBox="0 0 10 10" preserveAspectRatio="none"',
        ),
        (((0, 0, 100, 100), RED),),
        (200, 100),
    ),
    "a wide file": Drawing(
        svg('<rect x="100" y="10" width="500" height="30" fill="red"/>', 'width="1000" height="50"'),
        (((100, 10, 600, 40), RED),),
        (1000, 50),
    ),
    "a size in mm": Drawing(
        svg('<rect width="1in" height="12.7mm" fill="red"/>', 'width="2in" height="25.4mm"'),
        (((0, 0, 96, 48), RED),),
        (192, 96),
    ),
    # As wide and high as what is drawn, but from the origin on.
    "no size at all": Drawing(svg(f'<rect {RECT} fill="red"/>{INSET}', ""), ((MARK, RED),), (80, 70)),
    "percentages of a view box": Drawing(
        svg(f'<rect {RECT} fill="red"/>{INSET}', 'width="100%" height="100%" viewBox="0 0 100 100"'),
        ((MARK, RED), (INSET_BOX, BLUE)),
    ),
    "a huge view box": Drawing(
        svg('<rect width="5e29" height="1e30" fill="red"/>', 'viewBox="0 0 1e30 1e30" width="1e6"'),
        (((0, 0, 50, 100), RED),),
    ),
    "rules in an XML comment": Drawing(_styled("<!-- .a{fill:#f00} -->"), ((MARK, BLACK), (INSET_BOX, BLUE))),
    "a selector that librsvg does not know": Drawing(
        _styled(":is(.a, .z){fill:#f00}"), ((MARK, BLACK), (INSET_BOX, BLUE))
    ),
    "an odd number of points": Drawing(
        svg(f'<polygon points="10,20 70,20 70,60 10,60 5" fill="red"/>{INSET}'), ((INSET_BOX, BLUE),)
    ),
    "an offset view box": Drawing(
        svg('<rect x="-50" y="-50" width="50" height="100" fill="red"/>', 'viewBox=" -50,-50 , 100,100 "'),
        (((0, 0, 50, 100), RED),),
    ),
}

DRAWINGS: dict[str, Drawing] = {
    **{
        name: _marked(data)
        for kind in (COLOURS, SELECTORS, GEOMETRY, EMBEDDED, MARKUP)
        for name, data in kind.items()
    },
    **{name: _marked(data, by_debian=False) for name, data in NEWER.items()},
    **SIZES,
}
