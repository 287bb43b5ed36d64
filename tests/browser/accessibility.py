"""What axe-core finds wrong with the wizard on the page."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

_RUN = """async (selector) => {
  const found = await window.axe.run(selector, { resultTypes: ['violations'] });
  return found.violations
    .filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => one.id + ': ' + one.help + ' ' + one.nodes.slice(0, 4).map((node) => node.html.slice(0, 160)
      + ' ' + (node.any[0]?.message ?? '')).join(' | '));
}"""


def serious(page: Page, where: str, selector: str = ".odh-oci-wizard") -> list[str]:
    """Serious and critical violations in what `selector` names, each with its first places, after `where`."""
    if not page.evaluate("() => Boolean(window.axe)"):
        # JupyterLab's module loader would take the script for a module of its own.
        script = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
        page.evaluate(
            "(script) => { const define = window.define; window.define = undefined; (0, eval)(script); window.define = define; }",
            script,
        )
    return [f"{where}: {violation}" for violation in page.evaluate(_RUN, selector)]
