"""The page of one repository, and the tabs on DAGs and runs."""

from playwright.sync_api import expect


def section(page, name):
    return page.locator(f'section[aria-label="{name}"]')


def test_a_repository_tells_its_snapshots_sessions_and_sizes(person, airflow):
    somebody = person()
    page = somebody.open("plugin/backups")
    page.locator('tr[data-status="on time"]').get_by_role("link", name="testbed_etcd").click()
    snapshots = section(page, "Snapshots").locator("tbody tr")
    expect(snapshots).to_have_count(2)
    for cell in ("before-upgrade", "kept: last snapshot", "host-0", "MiB"):
        expect(snapshots.first).to_contain_text(cell)
    expect(section(page, "Sessions").locator(".bar")).to_have_count(2)
    expect(page.locator(".chart canvas")).to_have_count(3)
    expect(section(page, "Retention")).to_contain_text(
        "Keeps the last 5; and always what is tagged keep-forever."
    )
    expect(section(page, "Retention")).to_contain_text("After the next backup it removes no snapshots.")
    expect(section(page, "Integrity").locator("tbody tr")).to_have_count(2)
    expect(section(page, "Restores")).to_contain_text("has not been restored")
    somebody.page.wait_for_timeout(300)
    somebody.picture("repository", mask=[page.locator("dd code")], mask_color="#d4d4d8")  # this machine's
    # The address is that of this repository: it can be sent to somebody.
    there = somebody.page.url
    assert there.endswith("/stash/repository?dag_id=etcd_backup&task_id=backup")
    somebody.page.goto(there)
    expect(section(somebody.frame(), "Snapshots").locator("tbody tr")).to_have_count(2)
    snapshots.first.get_by_role("link", name="run").click()
    somebody.page.wait_for_url("**/dags/etcd_backup/runs/**/plugin/backup-session")
    assert somebody.complaints == []


def test_without_a_backup_it_says_so(person):
    somebody = person()
    page = somebody.open_alone("repository", "?dag_id=etcd_backup_staging&task_id=backup")
    for name, text in {
        "Sessions": "No backup has been run yet",
        "Snapshots": "No status has been recorded yet",
        "Retention": "every snapshot is kept",
    }.items():
        expect(section(page, name)).to_contain_text(text)
    page = somebody.open_alone("repository", "?dag_id=no_such_dag&task_id=backup")
    expect(page.get_by_role("alert")).to_contain_text("no_such_dag")


def test_a_good_session_in_stashs_words(person):
    somebody = person()
    page = somebody.open("dags/etcd_backup/plugin/backup-sessions")
    expect(page.locator("header")).to_contain_text("BackupSession")
    expect(page.locator("header")).to_contain_text("Succeeded")
    for condition in ("BackupTargetFound", "RetentionPolicyApplied", "RepositoryIntegrityVerified"):
        expect(section(page, "Conditions").locator("tr", has_text=condition)).to_contain_text("True")
    expect(section(page, "Stats")).to_contain_text("keyCount")
    expect(section(page, "Steps").locator("tbody tr")).to_have_count(5)
    somebody.picture("session")
    page.get_by_role("link", name="Repository testbed_repository").click()
    somebody.page.wait_for_url("**/plugin/backups/**")
    expect(somebody.frame().locator("h1")).to_contain_text("testbed_etcd")
    assert somebody.complaints == []


def test_a_failed_session_tells_the_error_itself(person):
    somebody = person()
    page = somebody.open("plugin/backups")
    page.locator('tr[data-status="failing"] .bar').last.click()
    somebody.page.wait_for_url("**/dags/etcd_backup_billing/runs/**")
    page = somebody.frame()
    expect(page.locator("header")).to_contain_text("Failed")
    expect(page.get_by_role("alert")).to_contain_text("backup: etcd did not answer within 1 s")
    expect(section(page, "Conditions").locator("tr", has_text="SnapshotTaken")).to_contain_text("False")
    somebody.picture("session-failed")


def test_an_error_is_told_of_the_run_and_the_try_that_it_is_of(person):
    somebody = person()
    seen = {"run_id": "first", "try_number": 1}

    def session(route):
        answer = route.fetch().json()
        failed = next(step for step in answer["steps"] if step["task_id"] == "backup")
        steps = [{**failed, "try_number": seen["try_number"]}]
        route.fulfill(json={**answer, "run_id": seen["run_id"], "steps": steps})

    def task(route):
        run, number = route.request.url.split("/dagRuns/")[1].split("/")[0], seen["try_number"]
        content = [{"level": "error", "event": f"{run} failed {number}"}]
        route.fulfill(json={"try_number": number, "content": content})

    somebody.page.route("**/stash/api/session*", session)
    somebody.page.route("**/taskInstances/**", task)
    page = somebody.open_alone("session", "?dag_id=etcd_backup_billing")
    expect(page.get_by_role("alert")).to_contain_text("first failed 1")
    for change, told in (({"try_number": 2}, "first failed 2"), ({"run_id": "second"}, "second failed 2")):
        seen |= change
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_role("alert")).to_contain_text(told)


def test_a_dag_of_another_kind_has_nothing_here(person):
    somebody = person()
    page = somebody.open("dags/of_another_kind/plugin/backup-sessions")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    assert somebody.complaints == []
