/**
 * Members as a file lists them, so that a policy can be tested where no agent runs.
 *
 * ```yaml
 * members:
 *   - {name: web-1, labels: {role: web}, addresses: [10.200.0.2]}
 *   - {name: db-1, labels: {role: db}, services: [orders]}
 * networks:
 *   blue:
 *     - {name: printer, member: db-1, addresses: [10.0.0.9]}
 * ```
 *
 * @module
 */

import { Cidr, IpAddress } from "../../net/mod.ts";
import type { PolicyRoster, RosterEndpoint, RosterMember, RosterNetwork } from "../../policy/mod.ts";
import { PolicyFileError, readYaml } from "./policy_file.ts";

/** What selectors ask for; other fields are passed over, since the list may come from `weft peers --json`. */
const EXAMPLE = "For example `- {name: web-1, labels: {role: web}}`, or what `weft peers --json` prints.";
const MAX_MEMBERS = 100_000;

type Fields = Readonly<Record<string, unknown>>;
type Fail = (path: readonly (string | number)[], problem: string) => never;

/**
 * @param file how the file is called in errors
 * @returns the members and endpoints that a file of YAML or JSON lists
 * @throws PolicyFileError
 */
export async function readRosterFile(text: string, file: string): Promise<PolicyRoster> {
  const { value, positionOf } = await readYaml(text, file);
  const fail: Fail = (path, problem) => {
    throw new PolicyFileError(file, `it ${problem}`, positionOf(path), { hint: EXAMPLE });
  };
  const root: Fields = Array.isArray(value) ? { members: value } : fieldsOf(value, [], fail);
  const inList = Array.isArray(value) ? [] : ["members"];
  const listed = root["members"];
  if (!Array.isArray(listed) || listed.length === 0) return fail([], "has no members");
  if (listed.length > MAX_MEMBERS) return fail([], `has more than ${MAX_MEMBERS} members`);
  const members = listed.map((one, at) => memberOf(one, [...inList, at], fail));
  const names = new Set<string>();
  for (const [at, { name }] of members.entries()) {
    if (names.has(name)) fail([...inList, at], `has two that are called ${name}`);
    names.add(name);
  }
  return { members, networks: networksOf(root["networks"], members, fail) };
}

function memberOf(value: unknown, path: readonly (string | number)[], fail: Fail): RosterMember {
  const fields = fieldsOf(value, path, fail);
  const { name, id = name, roles = ["member"] } = fields;
  if (typeof name !== "string" || name === "") return fail(path, "has one without a name");
  return {
    id: String(id),
    name,
    labels: labelsOf(fields["labels"], [...path, "labels"], fail),
    addresses: addressesOf(fields["addresses"], [...path, "addresses"], fail),
    services: textsOf(fields["services"], [...path, "services"], fail),
    roles: textsOf(roles, [...path, "roles"], fail),
    blocks: textsOf(fields["blocks"], [...path, "blocks"], fail).map((text) =>
      Cidr.parse(text) ?? fail([...path, "blocks"], `has ${JSON.stringify(text)}, which is no block`)
    ),
  };
}

function networksOf(value: unknown, members: readonly RosterMember[], fail: Fail): readonly RosterNetwork[] {
  if (value === undefined || value === null) return [];
  return Object.entries(fieldsOf(value, ["networks"], fail)).map(([name, listed]) => {
    if (!Array.isArray(listed)) return fail(["networks", name], `has no list of endpoints for ${name}`);
    const endpoints = listed.map((one, at): RosterEndpoint => {
      const path = ["networks", name, at];
      const fields = fieldsOf(one, path, fail);
      const owner = members.find((member) => member.name === fields["member"]) ??
        fail(path, `has an endpoint of nobody: its member is ${JSON.stringify(fields["member"])}`);
      const { labels, services, roles } = owner;
      const addresses = addressesOf(fields["addresses"], [...path, "addresses"], fail);
      return { name: String(fields["name"]), labels, services, roles, addresses, member: owner.id };
    });
    return { name, endpoints };
  });
}

function fieldsOf(value: unknown, path: readonly (string | number)[], fail: Fail): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  return fail(path, `has ${JSON.stringify(value)?.slice(0, 60)}, where an object is expected`);
}

function labelsOf(value: unknown, path: readonly (string | number)[], fail: Fail): Record<string, string> {
  if (value === undefined || value === null) return {};
  return Object.fromEntries(
    Object.entries(fieldsOf(value, path, fail)).map(([key, one]) => [key, String(one)]),
  );
}

function textsOf(value: unknown, path: readonly (string | number)[], fail: Fail): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  return fail(path, "has something else than a list of texts");
}

function addressesOf(value: unknown, path: readonly (string | number)[], fail: Fail): readonly IpAddress[] {
  return textsOf(value, path, fail).map((text) =>
    IpAddress.parse(text) ?? fail(path, `has ${JSON.stringify(text)}, which is no address`)
  );
}
