"""Who is let in is found out by knocking, at the dashboard and at the GCS."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import pytest
from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

from trainers.cluster.open_cluster import NoAnswer, lets_strangers_in, refuse_open_cluster


@pytest.fixture
def dashboard():
    servers = []

    def serve(code, location=""):
        seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append((self.path, dict(self.headers)))
                self.send_response(code)
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}", seen

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def gcs():
    servers = []

    def serve(code):
        class Nodes(gcs_service_pb2_grpc.NodeInfoGcsServiceServicer):
            def GetAllNodeInfo(self, request, context):
                if code:
                    context.abort(code, "no")
                return gcs_service_pb2.GetAllNodeInfoReply()

        server = grpc.server(ThreadPoolExecutor(1))
        servers.append(server)
        gcs_service_pb2_grpc.add_NodeInfoGcsServiceServicer_to_server(Nodes(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return f"127.0.0.1:{port}"

    yield serve
    for server in servers:
        server.stop(0)


@pytest.mark.parametrize(("code", "is_open"), [(200, True), (401, False), (403, False)])
def test_a_dashboard_is_open_when_it_lists_jobs_to_strangers(dashboard, code, is_open, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "sesame")
    url, seen = dashboard(code)
    assert lets_strangers_in(url) is is_open
    assert [path for path, _ in seen] == ["/api/jobs/"]
    assert "sesame" not in str(seen)


@pytest.mark.parametrize(
    ("code", "is_open"),
    [(None, True), (grpc.StatusCode.UNAUTHENTICATED, False)],
)
def test_a_gcs_is_open_when_it_lists_nodes_to_strangers(gcs, code, is_open):
    assert lets_strangers_in(gcs(code)) is is_open


def test_an_open_cluster_is_refused_with_the_ways_out(gcs):
    with pytest.raises(ValueError, match=r"asks for no token.*weakvid cluster start.*insecure"):
        refuse_open_cluster(gcs(None), insecure_local=False)


def test_an_open_cluster_is_only_told_of_where_nobody_else_reaches_it(gcs, caplog):
    refuse_open_cluster(gcs(None), insecure_local=True)
    assert "asks for no token" in caplog.text


def test_what_is_no_ray_is_not_taken_for_a_closed_one(dashboard):
    for url in (dashboard(404)[0], dashboard(302, "http://127.0.0.1:1/")[0]):
        with pytest.raises(NoAnswer):
            lets_strangers_in(url)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "http://127.0.0.1:1"])
def test_nothing_at_the_address_is_said_to_be_nothing(address, monkeypatch):
    monkeypatch.setattr("trainers.cluster.open_cluster.KNOCK_S", 2.0)
    with pytest.raises(NoAnswer):
        lets_strangers_in(address)
