import assert from "node:assert/strict";
import { type UpcomingParts, upcomingWarnings } from "./upcoming_warnings.ts";

const DAY_MS = 86_400_000;
const good: UpcomingParts = {
  membership: { leftMs: 60 * DAY_MS, lifetimeMs: 90 * DAY_MS },
  freeBytes: 10e9,
  stateDir: "/var/lib/weft",
};
const told = (more: Partial<UpcomingParts>) => upcomingWarnings({ ...good, ...more }).map(({ text }) => text);

Deno.test("upcomingWarnings() warns of a membership that nobody has renewed for weeks", () => {
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ membership: undefined, freeBytes: undefined }), []);
  const lifetimeMs = 90 * DAY_MS;
  assert.match(
    told({ membership: { leftMs: 20 * DAY_MS, lifetimeMs } })[0] ?? "",
    /ends in 20 days: no leader/,
  );
  assert.match(told({ membership: { leftMs: 3_600_000, lifetimeMs } })[0] ?? "", /ends in 1 h/);
  assert.match(told({ membership: { leftMs: -1, lifetimeMs } })[0] ?? "", /has ended/);
  // One that is given for a week is renewed in time, too.
  const ephemeral = 7 * DAY_MS;
  assert.deepEqual(told({ membership: { leftMs: 4 * DAY_MS, lifetimeMs: ephemeral } }), []);
  assert.equal(told({ membership: { leftMs: DAY_MS, lifetimeMs: ephemeral } }).length, 1);
});

Deno.test("upcomingWarnings() warns of a disk that is nearly full", () => {
  assert.match(told({ freeBytes: 5e6 })[0] ?? "", /nearly full: 5 MB are free where \/var\/lib\/weft/);
  assert.match(told({ freeBytes: 770_500 })[0] ?? "", /nearly full: 770 kB are free/);
});
