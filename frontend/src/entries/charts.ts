import { BarChart, LineChart, SankeyChart, ScatterChart } from "echarts/charts";
import { AriaComponent, GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { $, $$, say } from "../lib/dom";

echarts.use([BarChart, LineChart, SankeyChart, ScatterChart, AriaComponent, GridComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

type Proof = "said" | "claimed" | "verified" | "locked" | "estimate";

/**
 * What a page gives: `<figure data-chart aria-label="…"><script type="application/json">{…}</script></figure>`.
 * `values` stand in the order of `labels`; null is absent and draws nothing. A series with `proof` takes the mark's colour.
 */
export interface ChartSpec {
  kind: "bar" | "rows" | "line";
  labels: string[];
  series: { name: string; values: (number | null)[]; proof?: Proof; stack?: string }[];
  unit?: string;
  target?: { name: string; value: number };
  /** Height in pixels; by default what the labels need. */
  height?: number;
}

const drawn = new WeakMap<HTMLElement, echarts.ECharts>();

function draw(figure: HTMLElement): void {
  const source = $("script[type='application/json']", figure)?.textContent;
  if (!source || drawn.has(figure)) return;
  const spec = JSON.parse(source) as ChartSpec;
  const style = getComputedStyle(figure);
  const token = (name: string): string => style.getPropertyValue(`--zy-${name}`).trim();
  const fill: Record<Proof, string> = {
    said: token("p-said"), claimed: token("p-claimed"), verified: token("p-verified"), locked: token("p-locked"), estimate: token("p-estimate"),
  };
  const stage = document.createElement("div");
  stage.style.height = `${spec.height ?? (spec.kind === "rows" ? 56 + spec.labels.length * 30 : 280)}px`;
  stage.setAttribute("aria-hidden", "true"); // the figure's label and the table behind it speak
  figure.setAttribute("role", "img");
  figure.append(stage);

  const still = document.documentElement.dataset.zyTheme !== "screen" || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const font = { fontFamily: style.fontFamily, color: token("c-axis"), fontSize: 12 };
  const categories = { type: "category" as const, data: spec.labels, axisTick: { show: false }, axisLine: { lineStyle: { color: token("line-strong") } }, axisLabel: font, inverse: spec.kind === "rows" };
  const values = { type: "value" as const, name: spec.unit ?? "", nameTextStyle: font, axisLabel: font, splitLine: { lineStyle: { color: token("c-grid") } } };
  const chart = echarts.init(stage, undefined, { renderer: "svg" });
  chart.setOption({
    animation: !still,
    animationDuration: 200,
    color: [1, 2, 3, 4, 5, 6].map((n) => token(`c${n}`)),
    textStyle: font,
    grid: { left: 8, right: 56, top: spec.unit ? 32 : 16, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: (value: unknown) => (value == null ? say("未写", "not stated") : `${Number(value).toLocaleString()} ${spec.unit ?? ""}`) },
    xAxis: spec.kind === "rows" ? values : categories,
    yAxis: spec.kind === "rows" ? categories : values,
    series: spec.series.map((series, index) => ({
      name: series.name,
      type: spec.kind === "line" ? "line" : "bar",
      stack: series.stack,
      data: series.values,
      barMaxWidth: 22,
      symbolSize: 5,
      lineStyle: { width: 2 },
      itemStyle: {
        ...(series.proof ? { color: fill[series.proof] } : {}),
        ...(series.proof === "claimed" ? { decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [3, 3], rotation: Math.PI / 4, color: token("sheet") } } : {}),
      },
      endLabel: spec.kind === "line" ? { show: true, formatter: "{a}", ...font } : undefined,
      label: spec.kind === "line" || series.stack ? undefined : { show: true, position: spec.kind === "rows" ? "right" : "top", ...font, color: token("ink") },
      markLine: index === 0 && spec.target
        ? { silent: true, symbol: "none", lineStyle: { color: token("c-target"), type: "dotted" }, label: { formatter: `${spec.target.name} {c}`, ...font }, data: [spec.kind === "rows" ? { xAxis: spec.target.value } : { yAxis: spec.target.value }] }
        : undefined,
    })),
  });
  drawn.set(figure, chart);
  new ResizeObserver(() => chart.resize()).observe(stage);
}

export function drawAll(): void {
  for (const figure of $$("[data-chart]")) draw(figure);
}

drawAll();
