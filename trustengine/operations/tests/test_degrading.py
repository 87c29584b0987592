"""What still works when a part is down: each row of docs/architecture.md, on a whole running system.

The parts are stopped for real. A process that is told to stop (SIGSTOP) accepts connections
and answers nothing, which is the worse of the two ways of being away, and stays so
although the supervisor looks after it; PostgreSQL is one that the system is given.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import redis
import rq

from trustengine.accounts.tests.identity_provider import Key, Provider, running
from trustengine.embedded import addresses
from trustengine.embedded.children import stop_children
from trustengine.embedded.servers import EmbeddedServers
from trustengine.operations.supervisor import web_processes
from trustengine.operations.tests.running import Answer, System, processes_of, run_command, wait_for
from trustengine.redis_json import Messages

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")

IN_TIME = 2.0  # seconds
PASSWORD = "a long password of the tests"
SEED = f"""
import json
from orders.tests.factories import OrderItemFactory, ProductFactory
from reviews.tests.factories import approved_review, buyer_of, delivered_purchase, pending_review
from trustengine.accounts.tests.factories import StaffFactory, UserFactory, VendorFactory
from trustengine.testing import bearer
StaffFactory(username="moderator", password={PASSWORD!r}, groups=["Moderators"])
owner = UserFactory()
shop = VendorFactory(owner=owner)
item = OrderItemFactory(product=ProductFactory(vendor=shop))
review = approved_review(rating=5)
purchases = [delivered_purchase() for _ in range(4)]
pending_review(delivered_purchase())
print(json.dumps({{
    "product": str(review.product_id),
    "other_product": str(item.product_id),
    "review": str(review.pk),
    "voter": bearer(UserFactory()),
    "vendor": bearer(owner),
    "item": str(item.pk),
    "purchases": [
        {{"by": bearer(buyer_of(each)), "product": str(each.product_id), "order": str(each.order_id)}}
        for each in purchases
    ],
}}))
"""


class World(SimpleNamespace):
    """A running system with a PostgreSQL, an identity provider and some rows of the tests' own."""

    system: System
    postgres: EmbeddedServers
    provider: Provider
    key: Key
    seeds: dict[str, Any]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.addresses.database_url) as connection:
            found = connection.execute(statement).fetchall()
        connection.close()
        return found

    def open_jobs(self) -> int:
        """Jobs that are open, but for those that were put off on purpose, such as statements of reasons."""
        put_off = "attempts = 0 AND run_at > now()"
        query = f"SELECT count(*) FROM jobs_job WHERE state IN ('ready', 'running') AND NOT ({put_off})"
        return int(self.rows(query)[0][0])

    def vote(self, vote_type: str = "helpful") -> Answer:
        path, body = f"/api/v1/reviews/{self.seeds['review']}/vote/", {"vote_type": vote_type}
        return self.system.ask("PUT", path, body, Authorization=self.seeds["voter"])

    def submit(self, number: int) -> Answer:
        purchase = self.seeds["purchases"][number]
        body = {"product": purchase["product"], "order": purchase["order"], "rating": 4, "comment": "As described."}
        return self.system.ask("POST", "/api/v1/reviews/", body, Authorization=purchase["by"])

    def move_item(self, to: str) -> Answer:
        path = f"/api/v1/vendor/order-items/{self.seeds['item']}/transition/"
        return self.system.ask("POST", path, {"to": to}, Authorization=self.seeds["vendor"])

    def metric(self, name: str) -> float | None:
        for line in self.system.ask("GET", "/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        return None

    def serves(self) -> bool:
        """Whether every web process reaches the database: each connection goes to one of them at random."""
        return all(self.vote().status == 200 for _ in range(12))

    @property
    def public_pages(self) -> list[str]:
        product = f"/api/v1/products/{self.seeds['product']}/"
        listed = ["/api/v1/products/", "/api/v1/products/?ordering=score"]
        return [product, f"{product}rating/", f"{product}reviews/", f"{product}reviews/?ordering=newest", *listed]

    @property
    def buyers_page(self) -> str:
        return f"/products/{self.seeds['product']}/"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, key = tmp_path_factory.mktemp("degrading"), Key("first")
    with ExitStack() as stack:
        provider = stack.enter_context(running(key))
        postgres = EmbeddedServers(folder / "given", postgres=True, redis=False, throwaway=True)
        stack.enter_context(postgres)
        given = {"DATABASE_URL": postgres.addresses.database_url, "VOTES_PER_MINUTE": "1000"}
        system = System(folder / "data", JWT_JWKS_URL=provider.url, JOB_SWEEP_SECONDS="1", **given)
        stack.callback(system.end)
        system.wait_until_ready()
        seeds = run_command("shell", "-v0", "-c", SEED, DATA_DIR=str(system.data_dir), **given)
        assert seeds.returncode == 0, seeds.stderr
        world = World(
            system=system,
            postgres=postgres,
            provider=provider,
            key=key,
            seeds=json.loads(seeds.stdout.splitlines()[-1]),
        )
        wait_for(lambda: not world.open_jobs(), "the first jobs")
        yield world


@contextmanager
def standing_still(*processes: int) -> Iterator[None]:
    """Processes that exist and do nothing, for as long as the block lasts."""
    for process_id in processes:
        os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        for process_id in processes:
            os.kill(process_id, signal.SIGCONT)


@contextmanager
def without_postgres(world: World) -> Iterator[None]:
    """The PostgreSQL that the system was given is stopped, and started again."""
    server = world.postgres.postgres
    assert server is not None
    assert server.process is not None
    stop_children([(server.process, server.stop_signal)], patience=5)
    try:
        yield
    finally:
        server.launch()
        server.wait_until_ready()


def signed_in(world: World) -> str:
    """The cookies of a moderator in the admin site."""
    form = world.system.ask("GET", "/admin/login/")
    csrf = form.headers["Set-Cookie"].split(";")[0]
    token = form.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    answer = world.system.ask(
        "POST",
        "/admin/login/",
        f"csrfmiddlewaretoken={token}&username=moderator&password={PASSWORD.replace(' ', '+')}",
        Cookie=csrf,
        Content_Type="application/x-www-form-urlencoded",
    )
    assert answer.status == 302, answer.text
    session = [value.split(";")[0] for value in answer.headers.get_all("Set-Cookie") if value.startswith("sessionid")]
    return "; ".join([csrf, *session])


def problem(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, answer.json["code"]


def test_without_redis_writes_are_answered_in_time_and_their_jobs_run_when_it_is_back(world: World) -> None:
    with standing_still(world.system.children()["redis"]):
        answers = [world.vote(), world.submit(0), world.move_item("processing"), world.vote("unhelpful")]

        assert [answer.status for answer in answers] == [200, 201, 200, 200]
        assert max(answer.seconds for answer in answers) < IN_TIME
        assert world.open_jobs() >= 2
        ready = world.system.ask("GET", "/readyz")
        assert (ready.status, ready.json["status"], ready.json["checks"]["redis"]) == (200, "degraded", "away")
    wait_for(lambda: not world.open_jobs(), "the jobs of the outage")


def test_a_redis_that_is_killed_loses_no_work(world: World) -> None:
    os.kill(world.system.children()["redis"], signal.SIGKILL)

    assert world.submit(1).status == 201

    wait_for(lambda: not world.open_jobs(), "the jobs of the outage")
    wait_for(lambda: world.system.get("/readyz")[1]["checks"]["redis"] == "ok", "Redis")


def test_without_workers_requests_are_served_and_readiness_tells_how_long_work_waits(world: World) -> None:
    children = world.system.children()
    workers = [process_id for name, process_id in children.items() if name.startswith("worker")]
    assert len(workers) == 3

    with standing_still(*workers):
        submitted = world.submit(2)
        assert (submitted.status, submitted.json["status"]) == (201, "pending")

        def age() -> float:
            return float(world.system.get("/readyz")[1]["checks"]["oldest_due_job_seconds"])

        wait_for(lambda: age() > 1, "an old job")
        assert (world.metric("trustengine_oldest_due_job_seconds") or 0) > 1
        assert (world.metric("trustengine_pending_reviews") or 0) >= 1
        assert world.system.get("/readyz")[0] == 200
        assert world.open_jobs() >= 1
    wait_for(lambda: not world.open_jobs(), "the jobs of the outage")


def test_without_postgresql_public_pages_come_from_the_cache_and_writes_are_told_to_return(world: World) -> None:
    cookies = signed_in(world)
    before = {page: world.system.ask("GET", page) for page in world.public_pages}
    assert {(answer.status, answer.headers["X-Stale"]) for answer in before.values()} == {(200, None)}
    assert world.system.ask("GET", world.buyers_page).status == 200

    with without_postgres(world):
        for page, fresh in before.items():
            kept = world.system.ask("GET", page)
            assert (kept.status, kept.headers["X-Stale"], kept.json) == (200, "true", fresh.json)
            assert int(kept.headers["Age"]) >= 0
            assert kept.headers["Warning"] == '110 - "Response is Stale"'
        for cookie in ({}, {"Cookie": cookies}):
            shown = world.system.ask("GET", world.buyers_page, **cookie)
            assert (shown.status, shown.headers["X-Stale"]) == (200, "true")
            assert "This page is shown as it was" in shown.text
        unknown = world.system.ask("GET", f"/api/v1/products/{world.seeds['other_product']}/rating/")
        for refused in (unknown, world.vote(), world.submit(3), world.move_item("shipped")):
            assert problem(refused) == (503, "TRY_AGAIN")
            assert int(refused.headers["Retry-After"]) >= 1
        admin = world.system.ask("GET", "/admin/", Cookie=cookies)
        assert (admin.status, int(admin.headers["Retry-After"]) >= 1) == (503, True)
        assert world.system.get("/healthz") == (200, {"status": "ok"})
        ready = world.system.ask("GET", "/readyz")
        assert (ready.status, ready.json["checks"]["database"]) == (503, "away")
        assert world.metric("trustengine_database_up") == 0
        with standing_still(world.system.children()["redis"]):
            assert problem(world.system.ask("GET", world.public_pages[0])) == (503, "TRY_AGAIN")

    wait_for(world.serves, "PostgreSQL's return", patience=10)
    assert world.system.ask("GET", world.public_pages[0]).headers["X-Stale"] is None
    assert world.system.ask("GET", "/admin/", Cookie=cookies).status == 200
    assert world.submit(3).status == 201
    wait_for(lambda: not world.open_jobs(), "jobs as before")


def test_an_outage_is_waited_for_once_and_not_by_every_request(world: World) -> None:
    """The pool waits two seconds for a connection. Each web process does so once, and then knows."""
    world.system.ask("GET", world.public_pages[0])

    with without_postgres(world):
        spent = [world.system.ask("GET", world.public_pages[0]).seconds for _ in range(30)]

    assert len([seconds for seconds in spent if seconds > 1]) <= web_processes()
    wait_for(world.serves, "PostgreSQL's return", patience=10)


def test_probes_answer_in_time_while_postgresql_hangs(world: World) -> None:
    hanging = processes_of(world.postgres.data_dir)

    with standing_still(*hanging):
        answers = [world.system.ask("GET", "/readyz") for _ in range(3)]
        alive = world.system.ask("GET", "/healthz")

    assert {answer.status for answer in answers} == {503}
    assert max(answer.seconds for answer in answers) < 2 * IN_TIME + 1
    assert (alive.status, alive.seconds < IN_TIME) == (200, True)
    wait_for(world.serves, "PostgreSQL's return", patience=10)
    assert world.system.get("/readyz")[0] == 200


def test_without_the_identity_provider_known_keys_verify_tokens_and_sessions_go_on(world: World) -> None:
    cookies, bearer = signed_in(world), f"Bearer {world.key.token(sub='somebody')}"

    def every_web_process_has_the_keys() -> bool:
        assert world.system.ask("GET", "/api/v1/me/", Authorization=bearer).status == 200
        return world.provider.requests >= web_processes()

    wait_for(every_web_process_has_the_keys, "both web processes to fetch the keys")
    world.provider.mode = "fail"
    try:
        answers = [world.system.ask("GET", "/api/v1/me/", Authorization=bearer) for _ in range(8)]
        assert {answer.status for answer in answers} == {200}
        forged = world.system.ask("GET", "/api/v1/me/", Authorization=f"Bearer {Key('new').token()}")
        assert problem(forged) == (401, "TOKEN_INVALID")
        assert world.system.ask("GET", "/admin/", Cookie=cookies).status == 200
    finally:
        world.provider.mode = "serve"


def test_metrics_add_up_what_all_processes_have_counted(world: World) -> None:
    def counted() -> float:
        return world.metric('django_http_requests_total_by_method_total{method="DELETE"}') or 0

    before = counted()
    for _ in range(12):  # over connections of their own, which the kernel spreads over the web processes
        world.system.ask("DELETE", "/api/v1/products/")

    assert counted() == before + 12
    assert (world.metric('trustengine_job_runs_total{kind="reviews.screen_review",outcome="done"}') or 0) >= 4
    assert len(list((world.system.data_dir / "prometheus").glob("counter_*.db"))) >= web_processes()


def test_every_line_of_every_log_is_json_and_says_which_request_or_job_it_belongs_to(world: World) -> None:
    token, password, address = world.key.token(aud="x").rstrip() + "x", "hunter2-hunter2", "ada@example.org"
    asked = world.system.ask("GET", f"/api/v1/products/?search={address}", Authorization=f"Bearer {token}")
    world.system.ask("POST", "/api/v1/auth/token/", {"username": address, "password": password})
    with psycopg.connect(world.postgres.addresses.database_url) as connection:
        connection.execute(
            "INSERT INTO jobs_job (id, kind, args, key, priority, state, attempts, max_attempts, created_at)"
            " VALUES (gen_random_uuid(), 'jobs.prune', %s, '', 5, 'ready', 0, 1, now())",
            [json.dumps({"password": password, address: token})],
        )
    connection.close()
    wait_for(lambda: world.metric("trustengine_dead_letters") == 1, "a job that fails")

    logs = [path for path in (world.system.data_dir / "logs").glob("*.log") if path.stem not in {"postgres", "redis"}]
    text = "".join(path.read_text() for path in logs)
    assert not [line for line in text.splitlines() if not line.startswith("{")]
    lines = [json.loads(line) for line in text.splitlines()]

    assert not [secret for secret in (token, password, address, world.seeds["voter"][7:]) if secret in text]
    requests = {line["request_id"]: line for line in lines if line["logger"] == "access"}
    line = requests[asked.headers["X-Request-ID"]]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/products/", 401)
    assert line["milliseconds"] > 0
    assert any(line["user"] for line in requests.values())
    assert [line for line in lines if line["logger"] == "security" and line["code"] == "TOKEN_INVALID"]
    failed = [line for line in lines if line["event"] == "job_failed" and line["job_kind"] == "jobs.prune"]
    assert failed
    assert all(line["job_id"] and "Traceback" in line["exception"] for line in failed)


def test_read_only_serves_reads_refuses_writes_and_pauses_jobs(tmp_path: Path) -> None:
    seeded = run_command("shell", "-v0", "-c", SEED, DATA_DIR=str(tmp_path / "data"))
    assert seeded.returncode == 0, seeded.stderr
    system = System(tmp_path / "data", READ_ONLY="1")
    try:
        system.wait_until_ready()
        world = World(system=system, seeds=json.loads(seeded.stdout.splitlines()[-1]))

        assert {system.ask("GET", page).status for page in world.public_pages} == {200}
        assert system.ask("GET", "/api/v1/me/", Authorization=world.seeds["voter"]).status == 200
        assert system.ask("GET", "/admin/login/").status == 200
        for refused in (world.vote(), world.submit(0), world.move_item("processing")):
            assert problem(refused) == (503, "READ_ONLY_MODE")
            assert int(refused.headers["Retry-After"]) >= 1

        with redis.Redis.from_url(addresses(system.data_dir).redis_url) as client:
            bell = rq.Queue("high", connection=client, serializer=Messages).enqueue(
                "trustengine.jobs.runner.drain", "reviews.screen_review", result_ttl=60
            )
            wait_for(lambda: bell.get_status(refresh=True) == "finished", "a worker to be called")
            assert bell.return_value() == 0
        assert 'trustengine_jobs{kind="reviews.screen_review",state="ready"}' in system.ask("GET", "/metrics").text
    finally:
        system.end()
