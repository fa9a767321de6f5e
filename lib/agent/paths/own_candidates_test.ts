import assert from "node:assert/strict";
import type { NodeId } from "../../mesh/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { OwnCandidates } from "./own_candidates.ts";

const endpoint = (text: string): Endpoint => Endpoint.parse(text) ?? assert.fail(text);
const INSIDE = endpoint("192.168.1.10:51820");
const OUTSIDE = endpoint("203.0.113.7:61001");
const id = (number: number) => number.toString(16).padStart(32, "0") as NodeId;

function candidates(): OwnCandidates {
  const stated = {
    endpoints: [INSIDE],
    channelEndpoints: [],
    urls: [],
    labels: {},
    isRootless: false,
    relays: false,
    software: "",
    features: [],
  };
  return new OwnCandidates({ own: () => stated as never }, (nodeId) => nodeId !== id(9));
}

Deno.test("OwnCandidates tells others where servers of STUN see this node, before its own addresses, until it moves", () => {
  const own = candidates();
  assert.deepEqual(own.all().map(String), [`${INSIDE}`]);
  own.setMapped([OUTSIDE, OUTSIDE]);
  assert.deepEqual(own.seen().map(String), [`${OUTSIDE}`]);
  assert.deepEqual(own.all().map(String), [`${OUTSIDE}`, `${INSIDE}`]);
  assert.equal(own.variesByDestination, false);
  own.forget();
  assert.deepEqual(own.all().map(String), [`${INSIDE}`]);
});

Deno.test("OwnCandidates counts servers and members alike, and sees by both that the mapping varies", () => {
  const own = candidates();
  own.setMapped([OUTSIDE]);
  assert.equal(own.variesByDestination, undefined);
  own.note(id(1), endpoint("203.0.113.7:61002"));
  assert.equal(own.variesByDestination, true);
  own.note(id(2), endpoint("203.0.113.7:61002"));
  assert.deepEqual(own.seen().map(String), ["203.0.113.7:61002", `${OUTSIDE}`]);
  own.note(id(9), endpoint("198.51.100.1:1"));
  assert.equal(own.seen().length, 2, "who is no member says nothing");
});
