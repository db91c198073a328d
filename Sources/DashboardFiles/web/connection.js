/** Asks the server once a second, and says plainly when it does not answer. */
class Connection {
  static interval = 1000;
  static slowInterval = 4000;
  static timeout = 8000;

  key = sessionStorage.getItem("adminKey") ?? "";
  timer = 0;
  /** When the server last answered, by this page's clock; 0 before its first answer. */
  answeredAt = 0;
  isWaiting = false;

  /** `after` gives the time of the last sample known, `onState` takes each answer. */
  constructor(after, onState) {
    Object.assign(this, { after, onState });
    byId("keyForm").addEventListener("submit", (event) => this.takeKey(event));
    document.addEventListener("visibilitychange", () => document.hidden || this.ask());
  }

  async ask() {
    clearTimeout(this.timer);
    if (this.isWaiting) return;
    this.isWaiting = true;
    const goesOn = await this.once().catch((error) => this.fail(error));
    this.isWaiting = false;
    // A page that nobody sees asks when it is seen again; the server keeps what it missed.
    if (goesOn && !document.hidden) this.timer = setTimeout(() => this.ask(), goesOn);
  }

  /** One question; the milliseconds until the next, or 0 to wait for a key. */
  async once() {
    const after = this.after();
    const headers = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    const options = { headers, cache: "no-store", signal: AbortSignal.timeout(Connection.timeout) };
    const response = await fetch(`dashboard/state${after === undefined ? "" : `?after=${after}`}`, options);
    if (response.status === 401) return this.askKey();
    if (!response.ok) return this.refuse(response);
    const state = await response.json();
    this.answeredAt = Date.now() / 1000;
    byId("notice").hidden = true;
    byId("keyForm").hidden = true;
    byId("main").hidden = false;
    this.onState(state);
    this.showStatus(state.snapshot);
    return Connection.interval;
  }

  showStatus({ time, unreachableSince }) {
    if (unreachableSince !== null) {
      return this.status("stale", `Scheduler unreachable since ${clock(unreachableSince)}; running answers go on`);
    }
    // The time stands apart: a screen reader reads a status whenever it changes.
    this.status("live", "Live");
    write(byId("asOf"), clock(time));
  }

  fail() {
    const since = this.answeredAt ? `since ${clock(this.answeredAt)}; below is what was last known` : "yet";
    this.status("stale", `No answer from this server ${since}`);
    return Connection.slowInterval;
  }

  async refuse(response) {
    const body = await response.json().catch(() => null);
    const reason = body?.error?.message ?? `The server answered with status ${response.status}.`;
    write(byId("notice"), reason);
    byId("notice").hidden = false;
    byId("main").hidden = this.answeredAt === 0;
    this.status("stale", "Refused");
    return Connection.slowInterval;
  }

  askKey() {
    write(byId("keyError"), this.key ? "That key is not the right one." : "");
    this.key = "";
    sessionStorage.removeItem("adminKey");
    byId("keyForm").hidden = false;
    byId("main").hidden = true;
    byId("key").focus();
    this.status("waiting", "Waiting for the admin key");
    return 0;
  }

  takeKey(event) {
    event.preventDefault();
    this.key = byId("key").value;
    byId("key").value = "";
    sessionStorage.setItem("adminKey", this.key);
    this.ask();
  }

  status(kind, text) {
    byId("status").dataset.kind = kind;
    write(byId("asOf"), "");
    write(byId("status"), text);
    byId("main").classList.toggle("stale", kind === "stale");
  }
}
