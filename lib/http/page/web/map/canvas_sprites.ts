/**
 * Small pictures that are drawn once and copied from then on: to copy one costs a tenth of drawing a name with its halo, or a
 * node with its rim.
 * @module
 */

/// <reference lib="dom" />

/** So many are kept, then none of them. */
const MAX_SPRITES = 1_500;
/** Above and below the line on which a text stands. */
const ABOVE = 14;
const BELOW = 6;
const HALO = 4;

/** Pictures for one canvas. */
export class CanvasSprites {
  readonly #made = new Map<string, HTMLCanvasElement>();
  #density = 1;

  /** Pictures have so many pixels of the device for one of the page from now on. */
  setDensity(density: number): void {
    if (density !== this.#density) this.#made.clear();
    this.#density = density;
  }

  /**
   * Copies a picture, and draws it first where there is none yet.
   * @param key says all that it looks like
   * @param paint draws on a canvas of `width` times `height`
   */
  draw(
    onto: CanvasRenderingContext2D,
    key: string,
    { x, y, width, height }: {
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
    },
    paint: (context: CanvasRenderingContext2D) => void,
  ): void {
    let sprite = this.#made.get(key);
    if (sprite === undefined) {
      if (this.#made.size >= MAX_SPRITES) this.#made.clear();
      sprite = document.createElement("canvas");
      sprite.width = Math.ceil(width * this.#density);
      sprite.height = Math.ceil(height * this.#density);
      const context = sprite.getContext("2d");
      if (context === null) return;
      context.scale(this.#density, this.#density);
      paint(context);
      this.#made.set(key, sprite);
    }
    // Between two pixels it would be blurred.
    const [left, top] = [x, y].map((at) => Math.round(at * this.#density) / this.#density);
    onto.drawImage(sprite, left ?? x, top ?? y, sprite.width / this.#density, sprite.height / this.#density);
  }
}

/** Writes on one canvas. */
export class CanvasText {
  readonly #context: CanvasRenderingContext2D;
  readonly #sprites: CanvasSprites;
  readonly #widths = new Map<string, number>();
  #font = "";

  constructor(context: CanvasRenderingContext2D, sprites: CanvasSprites) {
    this.#context = context;
    this.#sprites = sprites;
  }

  /** What follows is written in. @param font size and weight */
  setFont(font: string): void {
    this.#font = `${font} ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif`;
    this.#context.font = this.#font;
  }

  /** @returns how wide a text is, in pixels */
  width(text: string): number {
    const key = `${this.#font} ${text}`;
    let width = this.#widths.get(key);
    if (width === undefined) {
      if (this.#widths.size > MAX_SPRITES) this.#widths.clear();
      this.#widths.set(key, width = this.#context.measureText(text).width);
    }
    return width;
  }

  /** Writes a text with its middle at a point, and a halo that keeps it legible. */
  write(text: string, x: number, y: number, colour: string, halo: string): void {
    const width = this.width(text) + 2 * HALO;
    const font = this.#font;
    const box = { x: x - width / 2, y: y - ABOVE, width, height: ABOVE + BELOW };
    this.#sprites.draw(this.#context, `text ${font} ${colour} ${halo} ${text}`, box, (context) => {
      context.font = font;
      context.lineJoin = "round";
      context.lineWidth = HALO;
      context.strokeStyle = halo;
      context.strokeText(text, HALO, ABOVE);
      // What is between two words has no letter to have a halo.
      if (text.includes(" ")) {
        context.fillStyle = halo;
        context.fillRect(HALO, ABOVE / 3, width - 2 * HALO, ABOVE * 2 / 3);
      }
      context.fillStyle = colour;
      context.fillText(text, HALO, ABOVE);
    });
  }
}
