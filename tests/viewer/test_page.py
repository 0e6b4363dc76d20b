import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page

from scene3d.errors import InputError
from scene3d_viewer.layers import Layers, layers_of
from scene3d_viewer.page import write_page
from scene3d_viewer.session import Exchange
from tests.viewer.room import LAMP, SHELF, TABLE, ScriptedSession, grounded, make_plan, make_proposals, make_scene


def make_layers() -> Layers:
    scene = make_scene()
    return layers_of(scene, make_proposals(scene))


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page opened from disk without any network."""
    path = tmp_path_factory.mktemp("page") / "room.html"
    session = ScriptedSession()
    odd = grounded("😀 The lamp </script> stands.", The_lamp=(LAMP,))
    exchanges = [
        Exchange(question="Where is the lamp?", answer=session.ask("Where is the lamp?")),
        Exchange(question="Is there a piano?", answer=session.ask("Is there a piano?")),
        Exchange(question="Describe <ref>.", select=(SHELF,), answer=session.ask("Describe", select=(SHELF,))),
        Exchange(question="Odd <b>signs</b>?", answer=odd),
    ]
    write_page(path, make_layers(), exchanges, plan=make_plan())
    context = browser.new_context(viewport={"width": 900, "height": 600}, offline=True)
    page = context.new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on(
        "request",
        lambda request: failed.append(request.url) if not request.url.startswith(("file:", "blob:", "data:")) else None,
    )
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
    yield page
    assert failed == []
    context.close()


@pytest.fixture(autouse=True)
def _nothing_lit(request: pytest.FixtureRequest) -> None:
    if "page" in request.fixturenames:
        page: Page = request.getfixturevalue("page")
        page.fill("#search", "")
        page.mouse.move(300, 590)
        page.click("#clear")


def lit(page: Page) -> list[int]:
    return [int(i) for i in (page.get_attribute("body", "data-lit") or "").split(",") if i]


def canvas_colour(page: Page, point: tuple[float, float, float]) -> list[int]:
    """Colour of the drawn scene at a point."""
    return page.evaluate(
        """(point) => {
          const { stage } = window.scene3d;
          stage.draw();
          const at = stage.toScreen(point), ratio = stage.renderer.getPixelRatio(), gl = stage.renderer.getContext();
          const pixel = new Uint8Array(4);
          const [x, y] = [at.x * ratio, gl.drawingBufferHeight - at.y * ratio].map(Math.round);
          gl.readPixels(x, y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
          return [...pixel].slice(0, 3);
        }""",
        list(point),
    )


def test_a_chip_lights_its_objects_up(page: Page) -> None:
    page.click(".chip:has-text('The lamp') >> nth=0")
    assert lit(page) == [LAMP]
    red, green, blue = canvas_colour(page, (1.5, 1.3, 1.0))  # the lamp's front
    assert max(red, green, blue) - min(red, green, blue) > 40
    grey = canvas_colour(page, (0.5, 0.5, 0.0))
    assert max(grey) - min(grey) <= 3
    page.click(".chip:has-text('The lamp') >> nth=0")
    assert lit(page) == []


def test_hovering_lights_up_only_meanwhile(page: Page) -> None:
    page.hover(".chip:has-text('the table')")
    assert lit(page) == [TABLE]
    page.mouse.move(300, 590)
    assert lit(page) == []


def test_a_click_on_an_object_selects_it_and_marks_the_chips_that_name_it(page: Page) -> None:
    at = page.evaluate("window.scene3d.stage.toScreen([3.6, 1.5, 1.8])")
    page.mouse.click(at["x"], at["y"])
    assert page.get_attribute("body", "data-selected") == str(SHELF)
    assert page.locator(".object.selected").get_attribute("data-id") == str(SHELF)
    assert {c.inner_text() for c in page.locator(".chip.named").all()} == {"this object", "grey shelf"}
    floor = page.evaluate("window.scene3d.stage.toScreen([0.4, 0.4, 0])")
    page.mouse.click(floor["x"], floor["y"])
    assert page.get_attribute("body", "data-selected") == ""


def test_the_lamp_on_the_table_is_what_a_click_on_it_means(page: Page) -> None:
    at = page.evaluate("window.scene3d.stage.toScreen([1.5, 1.4, 1.2])")
    page.mouse.click(at["x"], at["y"])
    assert page.get_attribute("body", "data-selected") == str(LAMP)


def test_the_list_is_searched_and_its_boxes_light_up(page: Page) -> None:
    page.fill("#search", "she")
    assert page.locator(".object:visible").count() == 1
    page.check(f".object[data-id='{SHELF}'] input")
    page.mouse.move(300, 590)
    assert lit(page) == [SHELF]
    page.fill("#search", "")
    page.check(f".object[data-id='{TABLE}'] input")
    page.mouse.move(300, 590)
    assert lit(page) == sorted([SHELF, TABLE])


def test_the_plan_steps_through(page: Page) -> None:
    for expected in (TABLE, LAMP, TABLE, TABLE):
        page.click("#plan .next")
        assert lit(page) == [expected]
    assert [m.inner_text() for m in page.locator(".marker").all()] == ["1", "2", "3"]
    assert page.locator(".marker.current").inner_text() == "3"
    page.click("#plan .back")
    assert lit(page) == [LAMP]


def test_the_ceiling_slider_cuts(page: Page) -> None:
    page.click("#above")
    open_room = canvas_colour(page, (2.5, 0.5, 2.5))
    page.evaluate(
        "() => { const s = document.getElementById('ceiling'); s.value = s.min; s.dispatchEvent(new Event('input')); }"
    )
    below_all = canvas_colour(page, (1.5, 1.1, 0.7))
    page.evaluate(
        "() => { const s = document.getElementById('ceiling'); s.value = 2.0; s.dispatchEvent(new Event('input')); }"
    )
    page.click("#corner")
    assert open_room != [255, 255, 255]  # the floor through the ceiling, whose back is turned
    assert below_all != open_room


def test_text_is_text_and_spans_survive_signs_beyond_16_bits(page: Page) -> None:
    card = page.locator(".exchange").nth(3)
    assert card.locator(".question").inner_text() == "Odd <b>signs</b>?"
    assert card.locator(".answer").inner_text() == "😀 The lamp </script> stands."
    assert card.locator(".answer .chip").inner_text() == "The lamp"
    absent = page.locator(".chip.absent").first
    assert absent.inner_text() == "piano"
    assert "95 %" in (absent.get_attribute("title") or "")


def test_names_do_not_overlap_and_dark_is_dark(page: Page) -> None:
    page.check("#names")
    page.evaluate("window.scene3d.stage.draw()")
    boxes = [b for label in page.locator(".label").all() if label.is_visible() and (b := label.bounding_box())]
    assert len(boxes) == 3
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart_x = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
            assert apart_x or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    page.uncheck("#names")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 29)"
    page.click("#theme")
    assert re.fullmatch(r"[\d.]+ (c?m)", page.inner_text("#scale"))


def test_positions_arrive_to_a_tenth_of_a_millimetre(page: Page) -> None:
    scene = make_scene()
    got = torch.tensor(
        page.evaluate("[...window.scene3d.stage.surface.geometry.attributes.position.array]"), dtype=torch.float32
    ).view(-1, 3)
    assert (got - scene.xyz_m).abs().max() < 1e-4
    faces = page.evaluate("[...window.scene3d.stage.surface.geometry.index.array]")
    assert scene.faces is not None
    assert faces == scene.faces.flatten().tolist()


def test_a_large_scan_is_thinned_and_says_so(tmp_path: Path) -> None:
    write_page(tmp_path / "small.html", make_layers(), most_points=3000)
    text = (tmp_path / "small.html").read_text()
    assert re.search(r"points, thinned to [\d,]+ for this page", text)


@pytest.mark.parametrize("name", ["room.txt", "missing/room.html"])
def test_a_page_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"room\."):
        write_page(tmp_path / name, make_layers())
