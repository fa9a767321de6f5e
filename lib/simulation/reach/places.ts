/**
 * The kinds of places that hosts are at, and between which of them theory allows a direct path.
 * @module
 */

/** Where a node is. */
export type PlaceKind =
  | "open"
  | "same-lan"
  /** Endpoint-independent mapping, address-dependent filtering (RFC 4787). */
  | "cone-nat"
  /** Endpoint-independent mapping, address-and-port-dependent filtering. */
  | "port-restricted-nat"
  /** Another port for each destination, address-and-port-dependent filtering. */
  | "symmetric-nat"
  /** Global, behind a firewall that lets in answers only. */
  | "firewall";

/** All of them. */
export const PLACE_KINDS: readonly PlaceKind[] = [
  "open",
  "same-lan",
  "cone-nat",
  "port-restricted-nat",
  "symmetric-nat",
  "firewall",
];

/** @returns whether two such places can have a path of their own, when both ends are told of each other */
export function hasDirectPath(a: PlaceKind, b: PlaceKind): boolean {
  if (a === "same-lan" && b === "same-lan") return true;
  const places = [a, b];
  if (places.includes("open")) return true;
  if (!places.includes("symmetric-nat")) return true;
  // The other end has to let in a port that it has not sent to.
  return places.includes("cone-nat");
}
