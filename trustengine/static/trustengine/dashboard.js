/*
 * Draws a dashboard's charts, and fetches its figures again while somebody looks at them. Without this script
 * the same figures stand in tables; nothing is computed here but where a bar ends.
 */
(() => {
  "use strict";

  const live = document.getElementById("db-live");
  if (!live) return;
  const AT_MOST = 300_000;
  const stale = document.querySelector(".db-stale");
  let charts = [], tag = "", wait = 0, timer = 0;

  function formatter(drawing) {
    if (drawing.unit !== "money") return (value) => value.toLocaleString("en");
    const options = { style: "currency", currency: drawing.currency, minimumFractionDigits: drawing.digits, maximumFractionDigits: drawing.digits };
    const format = new Intl.NumberFormat("en", options);
    return (value) => format.format(value / 10 ** drawing.digits);
  }

  function short(drawing) {
    if (drawing.unit !== "money") return (value) => value.toLocaleString("en", { notation: "compact" });
    return (value) => (value / 10 ** drawing.digits).toLocaleString("en", { notation: "compact" });
  }

  function drawn(canvas) {
    const drawing = JSON.parse(canvas.dataset.drawing);
    const style = getComputedStyle(canvas.closest(".db"));
    const colour = (name) => style.getPropertyValue(name).trim();
    const quiet = colour("--db-quiet"), border = colour("--db-border"), format = formatter(drawing);
    const ticks = { color: quiet, maxRotation: 0, font: { size: 11 } };
    const datasets = drawing.lines.map((line) => ({
      type: line.kind, label: line.label, data: line.values, yAxisID: line.axis,
      backgroundColor: colour(line.colour), borderColor: colour(line.colour), order: line.kind === "line" ? 0 : 1,
      ...(line.kind === "line"
        ? { borderWidth: 2, pointRadius: line.values.length > 1 ? 0 : 3, cubicInterpolationMode: "monotone", spanGaps: true, stack: line.label }
        : { borderRadius: 2, maxBarThickness: 18, categoryPercentage: 0.85, barPercentage: 0.95, stack: drawing.stacked ? "all" : line.label }),
    }));
    const scales = {
      x: { stacked: drawing.stacked, grid: { display: false }, border: { display: false }, ticks: { ...ticks, maxTicksLimit: 8 } },
      y: { stacked: drawing.stacked, beginAtZero: true, border: { display: false }, grid: { color: border, tickLength: 0 }, ticks: { ...ticks, precision: 0, maxTicksLimit: 5, padding: 8, callback: short(drawing) } },
    };
    if (drawing.lines.some((line) => line.axis === "stars")) {
      scales.stars = { position: "right", min: 1, max: 5, border: { display: false }, grid: { display: false }, ticks: { ...ticks, stepSize: 1, callback: (value) => `${value} ★` } };
    }
    const label = (point) => `${point.dataset.label}: ${point.dataset.yAxisID === "stars" ? point.parsed.y.toFixed(2) : format(point.parsed.y)}`;
    return new Chart(canvas, {
      type: "bar",
      data: { labels: drawing.labels, datasets },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        plugins: { legend: { display: false }, tooltip: { callbacks: { label } } },
        scales,
      },
    });
  }

  function draw() {
    for (const chart of charts) chart.destroy();
    charts = [...live.querySelectorAll("canvas[data-drawing]")].map((canvas) => {
      canvas.parentElement.hidden = false;
      return drawn(canvas);
    });
  }

  function show(html) {
    const open = [...live.querySelectorAll("details[open]")].map((details) => details.id);
    const focus = document.activeElement && live.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : "";
    const scrolled = window.scrollY;
    for (const chart of charts) chart.destroy();
    charts = [];
    live.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    draw();
    if (focus) document.getElementById(focus)?.querySelector("summary, a")?.focus({ preventScroll: true });
    window.scrollTo({ top: scrolled, behavior: "instant" });
  }

  async function refresh() {
    let answer = null;
    try {
      answer = await fetch(live.dataset.part, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", credentials: "same-origin" });
    } catch { /* no network: told below */ }
    if (answer && (answer.redirected || [401, 403, 404].includes(answer.status))) return; // signed out: a reload says so
    const good = answer && (answer.ok || answer.status === 304);
    if (good && answer.status !== 304) {
      tag = answer.headers.get("ETag") || "";
      const html = await answer.text();
      if (html.includes("db-figures")) show(html);
    }
    stale.hidden = Boolean(good);
    wait = good ? every() : Math.min(wait * 2, AT_MOST);
    schedule();
  }

  const every = () => Number(live.dataset.seconds) * 1000;

  function schedule() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, wait);
  }

  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["class"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  if (every()) {
    wait = every();
    schedule();
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      if (!document.hidden) refresh();
    });
  }
})();
