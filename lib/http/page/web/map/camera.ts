/**
 * Which part of the map is seen, and how large.
 * @module
 */

/** A point of the map or of the screen. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

const MAX_SCALE = 4;
/** Room for names around what is drawn. */
const MARGIN_X = 56;
const MARGIN_Y = 44;
/** And for the legend below. */
const MARGIN_BELOW = 26;
/** And for the tools above, where the map is so narrow that they take all of its width. */
const MARGIN_ABOVE = 44;
const NARROW = 560;

/** The middle of what is seen, and how many pixels a unit of the map has. */
export class Camera {
  x = 0;
  y = 0;
  scale = 1;
  width = 1;
  height = 1;
  #least = 0.1;

  /** The map has another size on the screen. */
  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
  }

  /** Shows all of it. */
  fit(width: number, height: number): void {
    const wide = (this.width - 2 * MARGIN_X) / Math.max(width, 1);
    const above = this.width < NARROW ? MARGIN_ABOVE : 0;
    const high = (this.height - 2 * MARGIN_Y - MARGIN_BELOW - above) / Math.max(height, 1);
    this.scale = Math.min(1.6, Math.max(0.05, Math.min(wide, high)));
    this.#least = Math.min(this.scale * 0.7, 1);
    this.x = 0;
    this.y = (MARGIN_BELOW - above) / 2 / this.scale;
  }

  /** Shows more or less, and leaves the point where it is on the screen. */
  zoom(factor: number, at: Point = { x: this.width / 2, y: this.height / 2 }): void {
    const before = this.toMap(at);
    this.scale = Math.min(MAX_SCALE, Math.max(this.#least, this.scale * factor));
    const after = this.toMap(at);
    this.x += before.x - after.x;
    this.y += before.y - after.y;
  }

  /** @param dx by pixels of the screen */
  pan(dx: number, dy: number): void {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
  }

  /** Moves so that a point of the map is well inside of what is seen. */
  reveal({ x, y }: Point): void {
    const roomX = (this.width / 2 - MARGIN_X) / this.scale;
    const roomY = (this.height / 2 - MARGIN_Y) / this.scale;
    this.x = Math.min(x + roomX, Math.max(x - roomX, this.x));
    this.y = Math.min(y + roomY, Math.max(y - roomY, this.y));
  }

  /** @returns where a point of the map is on the screen */
  toScreen({ x, y }: Point): Point {
    return { x: (x - this.x) * this.scale + this.width / 2, y: (y - this.y) * this.scale + this.height / 2 };
  }

  /** @returns where a point of the screen is on the map */
  toMap({ x, y }: Point): Point {
    return { x: (x - this.width / 2) / this.scale + this.x, y: (y - this.height / 2) / this.scale + this.y };
  }
}
