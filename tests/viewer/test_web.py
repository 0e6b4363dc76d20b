import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Browser

from scene3d_viewer.conversation import Conversation
from scene3d_viewer.web import WebWindow
from tests.viewer.room import LAMP, SHELF, TABLE, ScriptedSession, make_plan


def wait_for(condition: Callable[[], object], *, seconds: float = 45) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    assert condition()


def test_ask_click_a_chip_click_an_object_and_plan_in_a_browser(browser: Browser) -> None:
    talk = Conversation(ScriptedSession(), make_plan=lambda _: make_plan())
    window = WebWindow(talk, port=8931)
    context = browser.new_context(viewport={"width": 900, "height": 420})
    page = context.new_page()
    page.set_default_timeout(60_000)
    try:
        page.goto(window.address, wait_until="commit")
        page.get_by_text("Question").wait_for()
        page.locator("input:visible").first.click()
        page.keyboard.type("Where is the lamp?", delay=50)
        wait_for(lambda: window._question.value == "Where is the lamp?")  # a person's hand is slower than the browser
        page.keyboard.press("Enter")
        page.get_by_text("stands on").wait_for()
        assert [exchange.question for exchange in talk.exchanges] == ["Where is the lamp?"]
        assert talk.lit == (LAMP, TABLE)
        page.get_by_role("button", name="the table").dispatch_event("click")
        wait_for(lambda: talk.lit == (TABLE,))
        page.get_by_role("button", name="Clear").dispatch_event("click")
        wait_for(lambda: talk.lit == ())
        for client in window.server.get_clients().values():
            client.camera.position, client.camera.look_at = (1.1, 1.0, 5.0), (1.1, 1.1, 0.7)
        box = page.locator("canvas").first.bounding_box()
        assert box is not None
        for _ in range(6):  # until the browser has carried the camera over
            page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            end = time.monotonic() + 6
            while not talk.selected and time.monotonic() < end:
                time.sleep(0.1)
            if talk.selected:
                break
        assert talk.selected == (TABLE,)
        window.plan("brighter")
        assert talk.lit == (TABLE,)
    finally:
        context.close()
        window.close()


def test_events_that_come_at_once_are_drawn_one_after_the_other() -> None:
    talk = Conversation(ScriptedSession(), make_plan=lambda _: make_plan())
    window = WebWindow(talk, port=8932)

    def light(object_id: int) -> None:
        for _ in range(5):
            talk.light((object_id, SHELF))
            window.refresh()

    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(light, (TABLE, LAMP, TABLE, LAMP)))
        talk.clear()
        window.refresh()
        assert not [box.value for box in window._boxes.values() if box.value]
        assert window.server.scene.get_handle_by_name(f"/lit/{SHELF}/part") is None
    finally:
        window.close()
