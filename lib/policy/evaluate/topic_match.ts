/**
 * Paths of calls and patterns of topics, with their networks in front: `mesh:orders/refund`, `mesh:metrics/>`.
 * @module
 */

const MESH_PREFIX = "mesh:";

/** @returns the path with the network of its topics in front */
export function qualified(path: string): string {
  return path.includes(":") ? path : MESH_PREFIX + path;
}

/** Whether it is the mesh's own: services whose names begin with `$` are no matter of policy. */
export function isInternal(qualifiedPath: string): boolean {
  return qualifiedPath.charCodeAt(qualifiedPath.indexOf(":") + 1) === 0x24;
}

/** Whether `path` is the service or below it. */
export function isBelow(path: string, service: string): boolean {
  return path.startsWith(service) && (path.length === service.length || path[service.length] === "/");
}

/** Whether a topic is one that a pattern means: `*` and `{name}` are one segment, `>` at the end one or more. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const wanted = pattern.split(/[:/]/);
  const given = topic.split(/[:/]/);
  for (const [i, part] of wanted.entries()) {
    const segment = given[i];
    if (segment === undefined) return false;
    if (part === ">" && i === wanted.length - 1) return true;
    if (part !== "*" && !part.startsWith("{") && part !== segment) return false;
  }
  return wanted.length === given.length;
}
