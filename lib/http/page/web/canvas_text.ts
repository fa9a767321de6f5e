/**
 * Text on a canvas.
 * @module
 */

/// <reference lib="dom" />

/** So many widths are remembered. */
const MAX_WIDTHS = 4_000;

/** Writes on one canvas. */
export class CanvasText {
  readonly #context: CanvasRenderingContext2D;
  readonly #widths = new Map<string, number>();
  #font = "";

  constructor(context: CanvasRenderingContext2D) {
    this.#context = context;
  }

  /** What follows is written in. @param font size and weight */
  setFont(font: string): void {
    this.#font = `${font} ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif`;
    this.#context.font = this.#font;
    this.#context.textAlign = "center";
  }

  /** @returns how wide a text is, in pixels */
  width(text: string): number {
    const key = `${this.#font} ${text}`;
    let width = this.#widths.get(key);
    if (width === undefined) {
      if (this.#widths.size > MAX_WIDTHS) this.#widths.clear();
      this.#widths.set(key, width = this.#context.measureText(text).width);
    }
    return width;
  }

  /** Writes a text with its middle at a point, and a halo that keeps it legible. */
  write(text: string, x: number, y: number, colour: string, halo: string): void {
    const context = this.#context;
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = halo;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}
