/**
 * The text formats of metrics: OpenMetrics 1.0, and Prometheus' 0.0.4.
 * @module
 */

import type { HistogramReport } from "../../api/mod.ts";

/** The media type of each format; the first is for whoever does not say. */
export const METRICS_TYPES = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;

/** How metrics are written. */
export type MetricsFormat = keyof typeof METRICS_TYPES;

/** What tells the samples of one family apart. */
export type Labels = Readonly<Record<string, string>>;
/** One value. */
export type Sample = readonly [labels: Labels, value: number];

type Kind = "gauge" | "counter" | "info" | "histogram";

/** Writes families of samples; those without a sample are left out. */
export class Exposition {
  readonly #format: MetricsFormat;
  readonly #parts: string[] = [];

  constructor(format: MetricsFormat) {
    this.#format = format;
  }

  /** Writes what goes up and down. @param samples a number for the only one */
  gauge(name: string, help: string, samples: readonly Sample[] | number): void {
    this.#family("gauge", name, help, samples);
  }

  /** Writes what only grows. @param name without `_total` */
  counter(name: string, help: string, samples: readonly Sample[] | number): void {
    this.#family("counter", name, help, samples);
  }

  /** Writes what labels say of something, with the value 1. @param name without `_info` */
  info(name: string, help: string, labels: Labels): void {
    this.#family("info", name, help, [[labels, 1]]);
  }

  /** Writes distributions. */
  histogram(name: string, help: string, samples: readonly (readonly [Labels, HistogramReport])[]): void {
    if (samples.length === 0) return;
    this.#head("histogram", name, help);
    for (const [labels, { boundsSeconds, buckets, count, sumSeconds }] of samples) {
      let sum = 0;
      for (const [at, bound] of boundsSeconds.entries()) {
        sum += buckets[at] ?? 0;
        // OpenMetrics, "Histogram": bounds are written as floats are.
        const le = Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
        this.#sample(`${name}_bucket`, { ...labels, le }, sum);
      }
      this.#sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
      this.#sample(`${name}_sum`, labels, sumSeconds);
      this.#sample(`${name}_count`, labels, count);
    }
  }

  /** @returns all of it */
  text(): string {
    return this.#parts.join("") + (this.#format === "openmetrics" ? "# EOF\n" : "");
  }

  #family(kind: Kind, name: string, help: string, given: readonly Sample[] | number): void {
    const samples: readonly Sample[] = typeof given === "number" ? [[{}, given]] : given;
    if (samples.length === 0) return;
    this.#head(kind, name, help);
    for (const [labels, value] of samples) this.#sample(name + suffixOf(kind), labels, value);
  }

  /**
   * OpenMetrics 1.0, "Text format": counters end in `_total`, infos in `_info`, their families do not. Prometheus knows no
   * infos, and calls a family what its samples are called.
   */
  #head(kind: Kind, name: string, help: string): void {
    const isOpen = this.#format === "openmetrics";
    const [family, type] = isOpen ? [name, kind] : [name + suffixOf(kind), kind === "info" ? "gauge" : kind];
    const lines = [`# TYPE ${family} ${type}\n`, `# HELP ${family} ${help}\n`];
    // Prometheus has them in the other order.
    this.#parts.push(...isOpen ? lines : lines.reverse());
  }

  #sample(name: string, labels: Labels, value: number): void {
    this.#parts.push(`${name}${labelText(labels)} ${value}\n`);
  }
}

/** @returns one sample for each count, told apart by a label */
export function samplesBy(label: string, counts: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(counts).map(([key, value]) => [{ [label]: key }, value]);
}

function suffixOf(kind: Kind): string {
  return kind === "counter" ? "_total" : kind === "info" ? "_info" : "";
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** "ABNF": backslash, quote and line feed are escaped, everything else stands as it is. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
