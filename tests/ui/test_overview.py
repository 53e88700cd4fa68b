"""The overview: is every cluster protected?"""

import json
import re
import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

API = "**/stash/api/overview"


def statuses(page):
    return [row.get_attribute("data-status") for row in page.locator("tbody tr").all()]


def test_the_worst_come_first_and_every_row_tells_why(person):
    somebody = person()
    somebody.page.goto(somebody.url)
    somebody.page.get_by_role("link", name="Backups").first.click()
    page = somebody.frame()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert statuses(page) == ["failing", "paused", "on time"]
    expect(page.locator(".headline")).to_have_text("2 of 3 need you")
    failing, paused, good = page.locator("tbody tr").all()
    expect(failing).to_contain_text("The last backup failed; there is no good one.")
    expect(paused).to_contain_text("no backup will come until it is resumed")
    expect(good).to_contain_text("intact")
    expect(good).to_contain_text("2 snapshots")
    expect(good.locator(".bar")).to_have_count(2)
    somebody.picture("backups")
    assert somebody.complaints == []


def test_verify_now_is_offered_where_the_dag_can_and_a_dag_that_does_more_says_so(person):
    somebody = person()
    page = somebody.open_alone()
    verify = page.get_by_role("button", name="Verify now…", include_hidden=True)
    expect(page.locator('tr[data-status="on time"]').locator(verify)).to_have_count(1)
    expect(page.locator('tr[data-status="paused"]').locator(verify)).to_have_count(0)  # it checks nothing
    whole = page.locator("dialog").get_by_text("runs the whole DAG etcd_backup")
    page.get_by_role("button", name="Back up now testbed_etcd").click()
    expect(page.locator("dialog")).to_be_visible()
    expect(whole).to_have_count(0)

    def as_of_a_batch(route):
        answer = route.fetch().json()
        for row in answer.get("rows") or [answer["row"]]:
            row |= {"may_verify": False, "whole_dag": False}
        route.fulfill(json=answer)

    somebody.page.route("**/stash/api/*", as_of_a_batch)
    for path, query in (("", ""), ("repository", "?dag_id=etcd_backup&task_id=backup")):
        page = somebody.open_alone(path, query)
        expect(page.get_by_role("button", name="Verify now", include_hidden=True)).to_have_count(0)
        page.get_by_role("button", name="Back up now").last.click()
        expect(whole).to_be_visible()
    assert somebody.complaints == []


def test_search_and_counts_filter(person):
    page = person().open_alone()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.locator("#search").fill("staging")
    assert statuses(page) == ["paused"]
    page.locator("#search").fill("nothing like it")
    expect(page.get_by_text("0 of 3 backups")).to_be_visible()
    page.locator("#search").fill("")
    tile = page.get_by_role("button", name="Failing")
    tile.click()
    assert statuses(page) == ["failing"]
    expect(tile).to_have_attribute("aria-pressed", "true")
    tile.click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_refresh_leaves_the_focus_and_the_caret_where_they_are(person):
    page = person().open_alone()

    def refresh():
        with page.expect_response(API):
            page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(500)

    button = page.get_by_role("button", name="Back up now").first
    button.focus()
    refresh()
    expect(button).to_be_focused()
    search = page.locator("#search")
    search.fill("staging")
    page.keyboard.press("ArrowLeft")
    refresh()
    expect(search).to_be_focused()
    assert search.evaluate("(one) => one.selectionStart") == len("staging") - 1


def test_dark_as_airflow_is(person):
    somebody = person()
    somebody.open_alone()
    somebody.look(theme="dark")
    page = somebody.open("plugin/backups")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    somebody.picture("backups-dark")
    somebody.page.evaluate("() => document.documentElement.classList.remove('dark')")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_times_in_the_zone_chosen_in_airflow(person):
    somebody = person()
    somebody.open_alone()
    somebody.look(timezone="Asia/Tokyo")
    page = somebody.open_alone()
    shown = page.locator('tr[data-status="on time"] time').first
    expect(shown).to_have_attribute("title", re.compile(r"^20\d\d-.* GMT\+9$"))
    expect(shown).to_contain_text("ago")


def test_on_a_narrow_screen_nothing_is_cut_off(person):
    somebody = person()
    somebody.page.set_viewport_size({"width": 390, "height": 844})
    page = somebody.open("plugin/backups")
    page.locator("tbody tr").first.wait_for()
    wider = page.locator("html").evaluate("(html) => html.scrollWidth - html.clientWidth")
    assert wider <= 0
    expect(page.locator("tbody tr").first.get_by_role("button", name="Back up now")).to_be_visible()
    somebody.picture("backups-narrow")


def test_what_a_screen_reader_needs(person):
    somebody = person()
    somebody.open_alone()
    for theme in ("light", "dark"):
        somebody.look(theme=theme)
        for path, query in (
            ("", ""),
            ("repository", "?dag_id=etcd_backup&task_id=backup"),
            ("session", "?dag_id=etcd_backup_billing"),
        ):
            page = somebody.open_alone(path, query)
            found = Axe().run(page).response["violations"]
            told = [
                (one["id"], node["html"], node["failureSummary"]) for one in found for node in one["nodes"]
            ]
            assert told == [], (theme, path)


def test_without_backups_it_tells_how_to_have_one(person):
    somebody = person()
    somebody.page.route(API, lambda route: route.fulfill(json={"now": "2026-01-01T00:00:00Z", "rows": []}))
    page = somebody.open_alone()
    expect(page.get_by_role("heading", name="No backups yet")).to_be_visible()
    expect(page.get_by_text("etcd_backup_dag")).to_be_visible()


def test_a_failure_tells_what_to_do_and_what_was_shown_stays(person):
    somebody = person()
    somebody.page.route(API, lambda route: route.abort())
    page = somebody.open_alone()
    expect(page.get_by_role("alert")).to_contain_text("API server does not answer")
    somebody.page.unroute(API)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    somebody.page.route(API, lambda route: route.fulfill(status=401, json={"detail": "Not authenticated"}))
    page.locator("body").evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("no longer signed in")
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_proxys_page_in_place_of_the_answer_is_told(person):
    somebody = person()
    somebody.page.route(API, lambda route: route.fulfill(body="<html>", content_type="text/html"))
    page = somebody.open_alone()
    expect(page.get_by_role("alert")).to_contain_text("Airflow answered 200, and not as expected")


def test_an_answer_that_never_comes_is_told_and_asked_for_again(person):
    somebody = person()
    # The browser's own limit, thirty times as soon.
    somebody.page.add_init_script(
        "const limit = AbortSignal.timeout;"
        "AbortSignal.timeout = (ms) => (window.limits = [...(window.limits ?? []), ms], limit.call(AbortSignal, ms / 30));"
    )
    somebody.page.route(API, lambda route: None)
    page = somebody.open_alone()
    expect(page.get_by_role("alert")).to_contain_text("did not answer within 30 s")
    assert page.evaluate("() => window.limits[0]") == 30_000
    somebody.page.unroute(API)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_hundreds_of_rows_are_drawn_and_filtered_at_once(person):
    somebody = person()
    token = somebody.airflow.token()
    answer = somebody.context.request.get(
        f"{somebody.url}/stash/api/overview", headers={"Authorization": f"Bearer {token}"}
    ).json()
    (row,) = (one for one in answer["rows"] if one["status"] == "on time")
    rows = [{**row, "dag_id": f"dag-{i}", "etcd_conn_id": f"cluster-{i}"} for i in range(500)]
    somebody.page.route(API, lambda route: route.fulfill(body=json.dumps({**answer, "rows": rows})))
    begin = time.monotonic()
    page = somebody.open_alone()
    assert page.locator("tbody tr").count() == 500
    drawn = time.monotonic() - begin
    begin = time.monotonic()
    page.locator("#search").fill("cluster-499")
    expect(page.locator("tbody tr")).to_have_count(1)
    filtered = time.monotonic() - begin
    assert drawn < 60
    assert filtered < 20
