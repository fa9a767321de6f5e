import assert from "node:assert/strict";
import { silentLogger, type VersionRange } from "../../base/mod.ts";
import { acceptLocalChannel, openLocalChannel } from "../../channel/mod.ts";
import { systemClock, systemTimers } from "../../host/mod.ts";
import { OWN_PROTOCOLS, type ProtocolVersions, type VersionConflict } from "../../mesh/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { IncompatibleVersionError } from "../errors.ts";
import { ProgramClient, programSocketPath } from "./program_client.ts";
import { stateVersions } from "./program_versions.ts";
import { startLoggedLeader } from "./testing/logged_leader.ts";

const range = (oldest: number, newest = oldest): VersionRange => ({ oldest, newest });
const SETUP = { clock: systemClock, timers: systemTimers };

/** @returns what each end finds in its way, once both have had their say */
async function conflicts(
  ...ends: readonly [ProtocolVersions, ProtocolVersions | undefined]
): Promise<(VersionConflict | undefined)[]> {
  const streams = memoryStreamPair();
  const channels = [openLocalChannel(streams[0], SETUP), acceptLocalChannel(streams[1], SETUP)];
  const told: (VersionConflict | undefined)[] = [];
  const versions = ends.map((end, i) => {
    const channel = channels[i] ?? assert.fail();
    return end && stateVersions(channel, end, (conflict) => void (told[i] = conflict));
  });
  // What was said first has arrived when this is answered.
  await Promise.all(channels.map((channel) => channel.ping()));
  const found = versions.map((each) => each?.conflict());
  // Whoever is told nothing has to look by itself.
  for (const [i, conflict] of told.entries()) {
    if (conflict !== undefined) assert.deepEqual(conflict, found[i]);
  }
  for (const channel of channels) channel.close();
  await Promise.all(channels.map(({ closed }) => closed));
  return found;
}

Deno.test("a program and an agent find what they speak, or both what they don't", async () => {
  assert.deepEqual(await conflicts(OWN_PROTOCOLS, OWN_PROTOCOLS), [undefined, undefined]);
  const later = { ...OWN_PROTOCOLS, service: range(1, 4), mesh: range(9) };
  assert.deepEqual(await conflicts(OWN_PROTOCOLS, later), [undefined, undefined]);
  const strange = { ...OWN_PROTOCOLS, forward: range(2, 3) };
  assert.deepEqual(await conflicts(OWN_PROTOCOLS, strange), [
    { protocol: "forward", ours: range(1), theirs: range(2, 3) },
    { protocol: "forward", ours: range(2, 3), theirs: range(1) },
  ]);
});

Deno.test("a program takes an agent that says nothing for one of the former release", async () => {
  assert.deepEqual(await conflicts(OWN_PROTOCOLS, undefined), [undefined, undefined]);
  assert.deepEqual(await conflicts({ ...OWN_PROTOCOLS, service: range(2) }, undefined), [
    { protocol: "service", ours: range(2), theirs: range(1) },
    undefined,
  ]);
});

Deno.test("ProgramClient.open() says which of the two is to be upgraded, and the agent has a line for it", async () => {
  await using leader = await startLoggedLeader();
  const path = programSocketPath(leader.stateDir);
  const later = { ...OWN_PROTOCOLS, service: range(2, 3) };
  const opening = ProgramClient.open(path, silentLogger, { protocols: later });
  await assert.rejects(opening, (error) => {
    assert(error instanceof IncompatibleVersionError, String(error));
    assert.match(
      error.message,
      /the agent speaks version 1 of the protocol service, this program versions 2 to 3$/,
    );
    assert.equal(error.hint, "Upgrade weft there and restart the agent.");
    return true;
  });
  assert.match(
    leader.warnings.join(),
    /a program of this machine speaks versions 2 to 3 of the protocol service/,
  );
  const program = await ProgramClient.open(path, silentLogger);
  await program.stop();
});
