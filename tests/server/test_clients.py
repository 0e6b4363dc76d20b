"""The clients that others wrote, and ours, against a server on loopback."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
import uvicorn
from mcp.client import Client as McpClient

from scene3d.client import Client, ServerError
from scene3d.errors import InputError
from scene3d.server.mcp import build_server
from tests.planner.kitchen import CUP

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def url(serve, tmp_path: Path) -> Iterator[str]:
    """A server that listens, with a token."""
    app = serve(token=TOKEN, headers={"Authorization": f"Bearer {TOKEN}"}).app
    serve(data=tmp_path / "other")  # ends the life of the test client's server; uvicorn begins it anew
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "kitchen.ply"
    path.write_bytes(b"kitchen")
    return path


def test_openais_client_talks_to_a_scene(url: str, scan: Path) -> None:
    with Client(url, token=TOKEN) as ours:
        scene = ours.upload(scan)
    with openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0) as client:
        messages = [{"role": "user", "content": "Where is the cup?"}]
        extra = {"scene3d": {"scene": scene}}
        answer = client.chat.completions.create(model="scene3d", messages=messages, extra_body=extra)  # type: ignore[arg-type]
        assert answer.choices[0].message.content == "The cup is on the table."
        assert answer.model_extra is not None
        assert answer.model_extra["scene3d"]["phrases"][0]["objects"][0]["id"] == CUP
        pieces, links = [], None
        for chunk in client.chat.completions.create(model="scene3d", messages=messages, stream=True, extra_body=extra):  # type: ignore[arg-type]
            pieces.append(chunk.choices[0].delta.content or "")
            links = (chunk.model_extra or {}).get("scene3d") or links
        assert "".join(pieces).strip() == "The cup is on the table."
        assert links is not None
        assert links["schema"] == "scene3d/answer/1"
        assert [model.id for model in client.models.list()] == ["scene3d"]
        longer = [*messages, {"role": "assistant", "content": "On the table."}, {"role": "user", "content": "And now?"}]
        answer = client.chat.completions.create(model="scene3d", messages=longer, extra_body=extra)  # type: ignore[arg-type]
        assert "You said Where is the cup? before" in (answer.choices[0].message.content or "")
        with pytest.raises(openai.UnprocessableEntityError):
            client.chat.completions.create(model="scene3d", messages=messages)  # type: ignore[arg-type]
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_our_client_does_all_a_robot_needs(url: str, scan: Path) -> None:
    with Client(url, token=TOKEN) as client:
        scene = client.upload(scan, map_from_scene=[[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        assert client.ask(scene, "Where is the cup?")["text"] == "The cup is on the table."
        assert [name for name, _ in client.stream(scene, "Where is the cup?")][-1] == "answer"
        assert client.ground(scene, "the cup")["phrases"][0]["objects"][0]["id"] == CUP
        assert len(client.objects(scene, format="vision_msgs")["detections"]) == 8
        assert client.graph(scene, format="spark_dsg")["nodes"]
        client.delete(scene)
        with pytest.raises(ServerError, match="there is no scene") as caught:
            client.ask(scene, "Where?")
        assert caught.value.status == 404
        bad = scan.with_name("bad.ply")
        bad.write_bytes(b"bad")
        with pytest.raises(ServerError, match=r"bad\.ply: 0 of 3 points"):
            client.upload(bad)
    with pytest.raises(InputError, match="is `scene3d serve` running"):
        Client("http://127.0.0.1:9", token=TOKEN).ask("0", "Where?")


def test_an_assistant_uses_the_scenes_as_tools(url: str, scan: Path) -> None:
    async def converse() -> None:
        with Client(url, token=TOKEN) as http:
            async with McpClient(build_server(url, client=http)) as assistant:
                tools = await assistant.list_tools()
                assert {tool.name for tool in tools.tools} == {
                    "open_scan",
                    "list_objects",
                    "ask_scene",
                    "find_in_scene",
                    "plan_in_scene",
                }
                opened = await assistant.call_tool("open_scan", {"path": str(scan)})
                scene = opened.content[0].text  # type: ignore[union-attr]
                answer = await assistant.call_tool("ask_scene", {"scene": scene, "question": "Where is the cup?"})
                assert json.loads(answer.content[0].text)["text"] == "The cup is on the table."  # type: ignore[union-attr]

    # In a thread of its own: a browser that another test drove may have left an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(converse())).result()
