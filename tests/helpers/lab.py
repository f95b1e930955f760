"""A JupyterLab server and what its page asks of it: the contents of a notebook, a kernel, and Run All."""

import json
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import requests
import websocket

PATIENCE = 300


class Lab:
    """A server that runs, as its own file in the runtime folder describes it."""

    def __init__(self, process: subprocess.Popen, runtime: Path) -> None:
        self.process = process
        end = time.monotonic() + PATIENCE
        while not self._answers(runtime):
            assert process.poll() is None and time.monotonic() < end, "the server did not start"
            time.sleep(0.1)

    def _answers(self, runtime: Path) -> bool:
        """Whether the server is described and listens: the file is written first, and not in one go."""
        try:
            about = json.loads(next(iter(runtime.glob("jpserver-*.json"))).read_text())
            requests.get(f"{about['url']}api", timeout=PATIENCE)
        except (StopIteration, json.JSONDecodeError, requests.ConnectionError):
            return False
        self.url, self.token = about["url"].rstrip("/"), about["token"]
        self.header = {"Authorization": f"token {self.token}"}
        return True

    def run_all(self, notebook: str, **values: Any) -> list[list[dict[str, Any]]]:
        """Run every code cell in a new kernel; the outputs of each. `values`: edits of the parameters cell."""
        content = requests.get(f"{self.url}/api/contents/{notebook}", headers=self.header, timeout=PATIENCE).json()
        cells = [cell["source"] for cell in content["content"]["cells"] if cell["cell_type"] == "code"]
        cells[0] = "\n".join([cells[0], *(f"{name} = {value!r}" for name, value in values.items())])
        answer = requests.post(
            f"{self.url}/api/kernels", json={"name": "python3"}, headers=self.header, timeout=PATIENCE
        )
        kernel = answer.json()["id"]
        address = f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}"
        socket = websocket.create_connection(address, header=self.header, timeout=PATIENCE)
        try:
            return [_run(socket, source) for source in cells]
        finally:
            socket.close()
            requests.delete(f"{self.url}/api/kernels/{kernel}", headers=self.header, timeout=PATIENCE)


def _run(socket: websocket.WebSocket, source: str) -> list[dict[str, Any]]:
    message = uuid.uuid4().hex
    header = {"msg_id": message, "msg_type": "execute_request", "session": message, "username": "", "version": "5.4"}
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    request = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
    socket.send(json.dumps(request))
    outputs: list[dict[str, Any]] = []
    places: dict[str, int] = {}
    replied = idle = False
    while not (replied and idle):
        reply = json.loads(socket.recv())
        if reply["parent_header"].get("msg_id") != message:
            continue
        kind, content = reply["header"]["msg_type"], reply["content"]
        replied |= kind == "execute_reply"
        idle |= kind == "status" and content["execution_state"] == "idle"
        assert kind != "error", f"{content['ename']}: {content['evalue']}"
        place = content.get("transient", {}).get("display_id")
        if kind == "update_display_data":
            outputs[places[place]] = content
        elif kind in ("stream", "display_data", "execute_result"):
            places |= {} if place is None else {place: len(outputs)}
            outputs.append(content)
    return outputs
