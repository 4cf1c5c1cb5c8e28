"""What a record's template is, end to end through the stage."""

from __future__ import annotations

import random
import time

import pyarrow as pa
import pytest

from heimdall.model.batch import DEFAULT_TENANT, TEMPLATE_FIELD, TIMESTAMP, LogBatch, TenantId
from heimdall.model.template import CATCH_ALL, TemplateNames
from heimdall.pipeline.stages.template import MinerLimits, TemplateStage


def batch(*messages: str, tenant: TenantId = DEFAULT_TENANT, start_ns: int = 1) -> LogBatch:
    times = pa.array(range(start_ns, start_ns + len(messages)), pa.int64()).cast(TIMESTAMP)
    return LogBatch(tenant, pa.table({"timestamp": times, "message": pa.array(messages, pa.large_string())}))


def ids(stage: TemplateStage, *messages: str, tenant: TenantId = DEFAULT_TENANT) -> list[int]:
    table = stage.process(batch(*messages, tenant=tenant)).table
    assert table.schema.field("template_id").equals(TEMPLATE_FIELD)
    return table.column("template_id").to_pylist()  # type: ignore[no-any-return]


def texts(stage: TemplateStage) -> set[str]:
    """Texts of templates that stand for themselves."""
    return {row["text"] for row in stage.catalogue().to_pylist() if row["merged_into"] == 0}


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        ("took 12 ms", "took 7.5 ms", "took <*> ms"),
        ("from 10.0.0.1:80 port 22", "from 192.168.7.4:9 port 2222", "from <*> port <*>"),
        ("peer fe80::1ff:fe23:4567:890a up", "peer 2001:db8:85a3:8d3:1319:8a2e:370:7348 up", "peer <*> up"),
        ("mac 00:1a:2b:3c:4d:5e joined", "mac aa:bb:cc:dd:ee:ff joined", "mac <*> joined"),
        ("open /etc/passwd failed", "open /var/lib/x-1/y.db failed", "open <*> failed"),
        ("fetch https://a.example/x?y=1 ok", "fetch http://b.example:8080/ ok", "fetch <*> ok"),
        (
            "request 0b8f6a1e-5c7d-4e2f-9a3b-1c2d3e4f5a6b done",
            "request ffffffff-ffff-4fff-bfff-ffffffffffff done",
            "request <*> done",
        ),
        ("block blk_-1608999687919862906 lost", "block blk_7503483334202473044 lost", "block <*> lost"),
        ("at Fri Jul 7 10:02:11 2026 by cron", "at Mon Jun 22 04:30:55 2026 by cron", "at <*> by cron"),
        ("estimated size 5.2 KB, free", "estimated size 384.0 B, free", "estimated size <*>, free"),
        ("state=open retry=true", "state=closed retry=false", "state=<*> retry=<*>"),
        ('lock tag="View Lock" held', 'lock tag="AudioMix" held', 'lock tag="<*>" held'),
        ("task 'reduce_1.7' saved", "task 'map-2/x.1' saved", "task '<*>' saved"),
        ('1.2.3.4 "GET /a HTTP/1.1" 200', '5.6.7.8 "GET /b/c HTTP/1.1" 404', '<*> "GET <*> <*>" <*>'),
        ('1.2.3.4 ok "Mozilla/5.0 (X11; Linux) Gecko x"', '5.6.7.8 ok "curl 7 for my tests"', '<*> ok "<*>"'),
        ("from 2026-11-22 10:20:30,123 on", "from 2026-11-22T10:20:30.5+01:00 on", "from <*> on"),
        ("shop.example.net:80 is up", "shop.example.net:81 is up", "<*>:<*> is up"),
        ("sent 1190 bytes (1.16 KB) to peer", "sent 90 bytes to peer", "sent <*> bytes <*> to peer"),
        ("load C:\\Windows\\a.dll ok", "load D:\\b.dll ok", "load <*> ok"),
        ("link lost, error =", "link lost, error = EOF", "link lost, error =<*>"),
        ("peer 1.2.3.4 () at 9", "peer 1.2.3.4 (mail.example.net) at 9", "peer <*> (<*>) at <*>"),
        ("delete 1 2 3", "delete 1 2 3 4 5", "delete <*>"),
        ("flags a=1;b=2", "flags a=9;b=7", "flags a=<*>;b=<*>"),
        ("nodes n-1 <ok> n-2 <ok>", "nodes n-1 <ok> n-2 <ok> n-3 <ok>", "nodes <*>"),
    ],
)
def test_messages_that_differ_in_a_variable_are_one_template(one: str, other: str, text: str) -> None:
    stage = TemplateStage()
    first, second = ids(stage, one, other)
    assert first == second
    assert texts(stage) == {text}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("animation begin", "animation end"),
        ("session opened", "session closed"),
        ("link ok", "link error"),
        ("running", "closing"),
        ("stopped via interface alt0", "stopped via interface scip0"),
        ('level=info msg="listing served"', 'level=info msg="article sold"'),
        ("mInCall =true", "mInCall = true, mute"),
    ],
)
def test_messages_that_differ_in_a_word_are_two_templates(one: str, other: str) -> None:
    first, second = ids(TemplateStage(), one, other)
    assert first != second


def test_a_word_that_never_changes_stays_readable() -> None:
    stage = TemplateStage()
    ids(stage, "Failed password for 1 from 2 port 3 ssh2 tty=ssh", "Failed password for 4 from 5 port 6 ssh2 tty=ssh")
    assert texts(stage) == {"Failed password for <*> from <*> port <*> ssh2 tty=ssh"}


def test_a_word_with_many_values_becomes_a_parameter_and_old_ids_lead_to_the_new_template() -> None:
    stage = TemplateStage()
    names = ["amy", "ben", "cat", "dan", "eve", "fay", "gus", "hal", "ivy"]
    stored = ids(stage, *(f"session closed for user {name} now" for name in names))
    assert len(set(stored)) == 9
    rows = {row["template_id"]: row for row in stage.catalogue().to_pylist()}
    final = {rows[i]["merged_into"] or i for i in stored}
    assert [rows[i]["text"] for i in final] == ["session closed for user <*> now"]
    assert [rows[i]["count"] for i in final] == [9]
    assert set(ids(stage, "session closed for user zoe now")) == final


def test_a_value_known_as_a_parameter_elsewhere_is_one_here() -> None:
    stage = TemplateStage()
    ids(stage, "auth failure user=root", "auth failure user=guest")
    ids(stage, "bad password for root from host", "bad password for guest from host")
    assert texts(stage) == {"auth failure user=<*>", "bad password for <*> from host"}


def test_a_variable_with_more_around_it_is_the_same_variable() -> None:
    stage = TemplateStage()
    ids(stage, "done, all 5 bytes sent, lifetime 00:02")
    ids(stage, "done, all 7 bytes sent, lifetime <1 sec")
    assert texts(stage) == {"done, all <*> bytes sent, lifetime <*>"}
    assert (
        len(set(ids(stage, "done, all 1 bytes sent, lifetime 09:00", "done, all 2 bytes sent, lifetime <2 sec"))) == 1
    )


def test_names_that_turn_up_in_two_places_are_parameters_in_both() -> None:
    stage = TemplateStage()
    ids(stage, *(f"session {what} for user {name}" for what in ("opened", "closed") for name in ("amy", "ben", "cat")))
    assert texts(stage) == {"session opened for user <*>", "session closed for user <*>"}


def test_a_word_that_nearly_all_records_have_keeps_its_own_template() -> None:
    stage = TemplateStage()
    names = ["amy", "ben", "cat", "dan", "eve", "fay", "gus", "hal", "ivy"]
    ids(stage, *["session closed for user root now"] * 2000, *(f"session closed for user {n} now" for n in names))
    assert texts(stage) == {"session closed for user root now", "session closed for user <*> now"}


def test_the_catalogue_tells_count_times_and_an_example() -> None:
    stage = TemplateStage()
    stage.process(batch("took 12 ms", "idle", "took 13 ms", start_ns=100))
    stage.process(batch("took 14 ms", start_ns=50))
    row = next(r for r in stage.catalogue().to_pylist() if r["text"] == "took <*> ms")
    assert (row["tenant"], row["count"], row["first_seen_ns"], row["last_seen_ns"], row["example"]) == (
        "default", 3, 50, 102, "took 12 ms",
    )  # fmt: skip


def test_names_of_single_ids_are_those_of_the_whole_catalogue() -> None:
    stage = TemplateStage(MinerLimits(templates=40))
    draw = random.Random(7)
    verbs = [f"verb{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(120)]
    for _ in range(6):
        stage.process(batch(*(f"{draw.choice(verbs)} order {draw.choice('abcdefgh')}" for _ in range(200))))
    for one in (stage, restored(stage)):
        rows = one.catalogue().to_pylist()
        ids = [row["template_id"] for row in rows]
        names = one.catalogue.names(DEFAULT_TENANT, [*ids, 12_345])
        assert names.texts == {row["template_id"]: row["text"] for row in rows}
        assert names.final == {row["template_id"]: row["merged_into"] for row in rows if row["merged_into"]}
        assert names.final
        assert one.catalogue.names(TenantId("nobody"), ids) == TemplateNames({}, {})


def restored(stage: TemplateStage) -> TemplateStage:
    other = TemplateStage(MinerLimits(templates=40))
    other.restore(stage.snapshot())
    return other


def test_tenants_learn_apart() -> None:
    stage = TemplateStage()
    ids(stage, "secret project falcon", tenant=TenantId("a"))
    ids(stage, "hello", tenant=TenantId("b"))
    assert [(r["tenant"], r["text"]) for r in stage.catalogue().to_pylist()] == [
        ("a", "secret project falcon"),
        ("b", "hello"),
    ]


def test_an_id_is_a_property_of_the_template_not_of_the_node() -> None:
    assert ids(TemplateStage(), "warming up", "took 5 ms")[1:] == ids(TemplateStage(), "took 9 ms")


def test_white_space_is_no_difference() -> None:
    stage = TemplateStage()
    assert len(set(ids(stage, "disk sda is ok", "disk  sda is  ok"))) == 1
    assert texts(stage) == {"disk sda is ok"}


@pytest.mark.parametrize(
    "message", [":5", "=", "= ", "()", " (", "'", '"', "@\x01", "#", ". .", "a=", "<>", "\x01\x06"]
)
def test_scraps_of_syntax_are_messages_too(message: str) -> None:
    stage = TemplateStage()
    first, second = ids(stage, message, message)
    assert first == second


def test_an_empty_batch_and_an_empty_message_are_fine() -> None:
    stage = TemplateStage()
    assert ids(stage) == []
    assert ids(stage, "", "")[0] > 0


def test_a_batch_that_has_ids_already_gets_new_ones() -> None:
    stage = TemplateStage()
    once = stage.process(batch("a b c"))
    assert stage.process(once).table.equals(once.table)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_messages_of_any_string_type_and_missing_ones_are_read(kind: pa.DataType) -> None:
    times = pa.array([1, 2, 3], pa.int64()).cast(TIMESTAMP)
    table = pa.table({"timestamp": times, "message": pa.array(["a", None, "a"]).cast(kind)})
    got = TemplateStage().process(LogBatch(DEFAULT_TENANT, table)).table.column("template_id").to_pylist()
    assert got[0] == got[2] != got[1] > 0


def test_chunked_messages_are_read_in_order() -> None:
    table = pa.concat_tables([batch("one").table, batch("two").table, batch("one").table])
    got = TemplateStage().process(LogBatch(DEFAULT_TENANT, table)).table.column("template_id").to_pylist()
    assert got[0] == got[2] != got[1]


# -- hostile input ----------------------------------------------------------------------------------------------------


def garbage(lines: int, seed: int = 3) -> list[str]:
    chance = random.Random(seed)
    return [
        "".join(chr(chance.choice((0, 10, 32, 32, 61, 34, 91, chance.randrange(33, 126), chance.randrange(160, 9000))))
                for _ in range(chance.randrange(20, 200)))
        for _ in range(lines)
    ]  # fmt: skip


def test_a_batch_of_garbage_creates_a_bounded_number_of_templates() -> None:
    stage = TemplateStage(MinerLimits(new_templates_per_batch=100))
    stored = ids(stage, *garbage(1_000))
    assert len(set(stored)) <= 101
    assert CATCH_ALL in stored
    assert "<*>" in texts(stage)


def test_endless_garbage_keeps_memory_and_catalogue_bounded_and_leaves_real_templates_alone() -> None:
    limits = MinerLimits(templates=100, new_templates_per_batch=50, merged_ids=200, cached_bytes=40_000)
    stage = TemplateStage(limits)
    (real,) = set(ids(stage, *(f"took {i} ms" for i in range(10))))
    sizes = []
    for seed in range(30):
        assert ids(stage, *garbage(100, seed), "took 1 ms")[-1] == real
        sizes.append(len(stage.snapshot()))
    assert max(sizes[15:]) < 1.2 * max(sizes[:15]) < 200_000
    assert stage.catalogue().num_rows <= 1 + 100 + 200


def test_ten_thousand_lines_of_garbage_take_seconds_not_minutes() -> None:
    lines = garbage(10_000)
    stage = TemplateStage()
    started = time.process_time()
    ids(stage, *lines)
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "unit", ["a", "1", "a ", "1 ", "a=", "(", "\0", '"', "'x' ", "/", ".", "a:b ", "é", "\x01", "- "]
)
def test_a_line_of_a_megabyte_is_read_quickly(unit: str) -> None:
    line = unit * (1_000_000 // len(unit))
    stage = TemplateStage()
    started = time.process_time()
    assert len(set(ids(stage, line, line + "z"))) == 1
    assert time.process_time() - started < 2
    assert all(len(row["text"]) < 5_000 and len(row["example"]) < 5_000 for row in stage.catalogue().to_pylist())
