/**
 * How nodes look on the map, and in which colours.
 * @module
 */

/// <reference lib="dom" />
import type { Health, MeshNode } from "../mesh_model.ts";

/** Colours by name, as the style sheet says. */
export type Palette = Readonly<Record<typeof COLOURS[number], string>>;

const COLOURS = ["card", "ink", "quiet", "line", "thread", "thread-soft", "warn", "bad", "raised"] as const;

/** The colour of a node by its health. */
export const HEALTH_COLOUR: Readonly<Record<Health, keyof Palette>> = {
  self: "thread",
  healthy: "thread",
  degraded: "warn",
  unhealthy: "bad",
  away: "quiet",
  unknown: "quiet",
};

/** @returns the colours of a page as it is shown now */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const probe = new Map(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return Object.fromEntries(probe) as Palette;
}

/** Round a node there may be a rim. */
export const MARK_MARGIN = 8;

/** A node: a disc or a square, hollow for who was not heard of, with a rim for leaders and a wider one for this node. */
export function paintMark(
  context: CanvasRenderingContext2D,
  { health, isDevice, isLeader, isSelf }: MeshNode,
  r: number,
  colour: string,
  ground: string,
): void {
  const middle = r + MARK_MARGIN;
  const isSolid = health !== "away" && health !== "unknown";
  context.beginPath();
  if (isDevice) context.roundRect(middle - r, middle - r, 2 * r, 2 * r, r * 0.3);
  else context.arc(middle, middle, r, 0, 2 * Math.PI);
  context.fillStyle = isSolid ? colour : ground;
  context.fill();
  context.lineWidth = isSolid ? 2 : 1.5;
  context.strokeStyle = isSolid ? ground : colour;
  context.stroke();
  if (!isLeader && !isSelf) return;
  context.beginPath();
  context.arc(middle, middle, r + (isSelf ? 5 : 3), 0, 2 * Math.PI);
  context.lineWidth = 1.5;
  context.strokeStyle = colour;
  context.stroke();
}
