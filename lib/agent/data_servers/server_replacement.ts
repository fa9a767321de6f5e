/**
 * Whether a server of collections may be replaced by one on another member.
 * @module
 */

import { QuorumLostError, ServerNotLostError } from "../errors.ts";
import type { SeenServer } from "./server_warnings.ts";

/**
 * What is written is on most of the servers. Where one of three is lost that is both others, if both have all of it; so they
 * have to, before one that has nothing can vote with one of them.
 * @param lost who is to be replaced
 * @param staying all others
 * @throws ServerNotLostError while it answers; QuorumLostError while the others don't hold all that was written
 */
export function checkReplaceable(lost: SeenServer, staying: readonly SeenServer[]): void {
  const cannot = `Cannot replace the server on ${lost.name}`;
  if (lost.status !== undefined) {
    throw new ServerNotLostError(`${cannot}: ${lost.name} answers`, {
      hint: "If it is to be given up, stop weft there first, and run the same again.",
    });
  }
  const count = staying.length + 1;
  const running = staying.filter(({ status }) => status?.state === "running");
  if (count === 1) {
    throw new QuorumLostError(`${cannot}: it was alone, so that nobody else has what it kept`, {
      hint:
        "Put its state directory back in its place, or begin anew: `weft data down --force`, then `weft data up --force`.",
    });
  }
  if (running.length <= count / 2) {
    const away = staying.filter(({ status }) => status?.state !== "running").map(({ name }) => name);
    throw new QuorumLostError(
      `${cannot}: of ${count} servers only ${running.length} ${running.length === 1 ? "runs" : "run"}, and ${
        away.join(" and ")
      } ${away.length === 1 ? "does" : "do"} not`,
      { hint: "Bring those back first: what was written is on most of them.", retryable: true },
    );
  }
  const health = running.map(({ status }) => status?.health).find((one) => one !== undefined);
  if (health === undefined || health.leader === "") {
    throw new QuorumLostError(`${cannot}: the others have not agreed yet on who leads`, {
      hint: "Run the same again in some seconds; `weft data status` shows it.",
      retryable: true,
    });
  }
  const isWhole = ({ status }: SeenServer) =>
    status !== undefined && !health.behind.includes(status.serverName) &&
    health.copies?.includes(status.serverName) !== false;
  const behind = running.filter((one) => !isWhole(one)).map(({ name }) => name);
  if (running.length - behind.length <= count / 2) {
    throw new QuorumLostError(`${cannot}: the copy of ${behind.join(" and ")} is not whole yet`, {
      hint: "Run the same again when `weft data status` shows it as whole.",
      retryable: true,
    });
  }
}
