/**
 * How much of everything there may be, as a page of Markdown: the bounds of the code, by what they are of.
 * @module
 */

import { MAX_NAME_RECORDS } from "../../lib/agent/name_entry.ts";
import { MAX_ENDPOINTS, MAX_MEMBER_ENDPOINTS } from "../../lib/agent/networks/endpoint_acts.ts";
import { MAX_NETWORKS } from "../../lib/agent/networks/network_acts.ts";
import { MAX_MEMBER_ROUTES, MAX_ROUTES } from "../../lib/agent/routes/route_book.ts";
import * as data from "../../lib/data/bounds.ts";
import { AUDIT_LIFETIME_MS, MAX_AUDIT_ENTRIES } from "../../lib/mesh/admission/audit_log.ts";
import { RECORD_LIFETIME_MS } from "../../lib/mesh/admission/enrolment.ts";
import { MAX_TOKENS } from "../../lib/mesh/admission/token_book.ts";
import * as mesh from "../../lib/mesh/bounds.ts";
import { MAX_NETWORK_ENTRIES, MAX_NODE_ENTRIES } from "../../lib/mesh/replica/entry_bounds.ts";
import { MAX_MEMBERS } from "../../lib/mesh/replica/roster.ts";
import * as policy from "../../lib/policy/model/bounds.ts";
import { RELAY_BOUNDS } from "../../lib/relay/relay_sessions.ts";
import * as service from "../../lib/service/bounds.ts";
import { MAX_ITEM_BYTES } from "../../lib/service/wire/item_stream.ts";
import { DEFAULT_MAX_STRUCTURED_BYTES } from "../../lib/service/wire/json_bound.ts";
import { DEFAULT_MAX_PAYLOAD_BYTES } from "../../lib/service/wire/message_carrier.ts";
import { MAX_METADATA_BYTES } from "../../lib/service/wire/propagated_context.ts";
import { page, table } from "./markdown.ts";

const DAY_MS = 86_400_000;

type Row = readonly [what: string, limit: string, more?: string];

/** What is bounded, by the part of weft; a number with its unit. */
const PARTS: readonly (readonly [title: string, rows: readonly Row[]])[] = [
  ["The network", [
    [
      "members and devices",
      number(MAX_MEMBERS),
      "whom one node knows; the default block has 65,534 addresses",
    ],
    ["a name", `${mesh.MAX_NAME_LENGTH} characters`, "a DNS label: a to z, digits, inner hyphens"],
    ["labels of a member", number(mesh.MAX_LABELS), `${number(mesh.MAX_LABELS_LENGTH)} characters in all`],
    [
      "rights of one kind that a member is granted",
      number(mesh.MAX_GRANTS),
      "offer, publish, subscribe, names",
    ],
    ["paths that a member has by asking first", number(mesh.MAX_CLAIMS), "more of them need a grant"],
    [
      "tokens of a leader",
      number(MAX_TOKENS),
      `each good for ${number(mesh.MAX_TOKEN_USES)} machines, or without limit`,
    ],
    ["the life of a token", `${days(mesh.MAX_TOKEN_LIFETIME_MS)} at most`],
    ["a membership", days(RECORD_LIFETIME_MS), "renewed by leaders while the member is seen"],
    [
      "acts in the audit log",
      number(MAX_AUDIT_ENTRIES),
      `of operators, and as many of members; ${days(AUDIT_LIFETIME_MS)}`,
    ],
    ["routes to networks behind members", number(MAX_ROUTES), `${MAX_MEMBER_ROUTES} of one member`],
    ["networks behind a plain device", number(mesh.MAX_ALLOWED_IPS)],
    ["pairs that a relay carries for", number(RELAY_BOUNDS.total), `${RELAY_BOUNDS.perMember} of one member`],
    [
      "entries of one member",
      number(MAX_NODE_ENTRIES),
      "what it tells all others: names, offers of routes, and the like",
    ],
    ["entries of the network's own", number(MAX_NETWORK_ENTRIES), "what leaders add"],
    ["records of one name", number(MAX_NAME_RECORDS)],
  ]],
  ["Overlay networks", [
    ["networks", number(MAX_NETWORKS)],
    ["endpoints", number(MAX_ENDPOINTS), `${MAX_MEMBER_ENDPOINTS} of one member`],
  ]],
  ["Policies", [
    ["rules", number(policy.MAX_POLICY_RULES), "of all policies together"],
    ["policies", number(policy.MAX_POLICIES)],
    ["groups", number(policy.MAX_POLICY_GROUPS)],
    ["tests", number(policy.MAX_POLICY_TESTS)],
    ["the whole of it", bytes(policy.MAX_POLICY_BYTES)],
  ]],
  ["Services", [
    ["services of a node and its programs", number(service.MAX_NODE_SERVICES)],
    ["subscriptions of a node and its programs", number(service.MAX_NODE_SUBSCRIPTIONS)],
    [
      "parameters, a result or an event, as JSON",
      bytes(DEFAULT_MAX_STRUCTURED_BYTES),
      "what is larger goes as a stream",
    ],
    ["the same, as bytes", bytes(DEFAULT_MAX_PAYLOAD_BYTES)],
    ["an item of a stream", bytes(MAX_ITEM_BYTES)],
    ["metadata of a call or event", bytes(MAX_METADATA_BYTES)],
    [
      "how long a call may take",
      `${service.DEFAULT_TIMEOUT_MS / 1000} s`,
      "unless the caller says, a day at most",
    ],
  ]],
  ["Collections", [
    ["collections that one node owns", number(data.MAX_COLLECTIONS)],
    ["their database", bytes(data.MAX_DATABASE_BYTES)],
    ["a key", bytes(data.MAX_KEY_BYTES)],
    ["a value, as JSON", bytes(data.MAX_VALUE_BYTES)],
    ["indexes of a collection", number(data.MAX_INDEXES)],
    [
      "a transaction",
      `${number(data.MAX_OPERATIONS)} reads and as many writes`,
      `${bytes(data.MAX_TRANSACTION_BYTES)} of writes; ${
        bytes(data.MAX_PREPARED_BYTES)
      } a part where there are several owners`,
    ],
    ["how long a query may hold its owner up", `${data.MAX_QUERY_MS} ms`],
    ["an answer", bytes(data.MAX_ANSWER_BYTES), "more is asked for by pages"],
    ["watches of a node", number(data.MAX_WATCHES), `${data.MAX_WATCHES_PER_CALLER} of one caller`],
    [
      "a copy in a program",
      `${number(data.DEFAULT_COPY_ROWS)} entries, ${bytes(data.DEFAULT_COPY_BYTES)}`,
      "unless it says",
    ],
    ["shards", number(data.MAX_SHARDS), `${data.MAX_REPLICAS} replicas of each`],
    ["sealed values that a query reads", number(data.MAX_SEALED_ENTRIES)],
  ]],
  ["Queues", [
    ["queues that one node owns", number(data.MAX_QUEUES)],
    ["a message, as JSON", bytes(data.MAX_MESSAGE_BYTES)],
    ["messages of one queue", number(data.DEFAULT_QUEUE_LENGTH), "unless it says, dead letters included"],
    [
      "messages of all queues of a node",
      number(data.MAX_MESSAGES),
      `${bytes(data.MAX_MESSAGES_BYTES)}; ${number(data.MAX_MESSAGES_PER_ORIGIN)} and ${
        bytes(data.MAX_MESSAGES_BYTES_PER_ORIGIN)
      } from one other node`,
    ],
    [
      "messages that workers of a queue have at a time",
      number(data.MAX_LEASES),
      `${number(data.MAX_LEASES_PER_HOLDER)} of one`,
    ],
  ]],
];

/** @returns the page */
export function limitsPage(): string {
  return page(
    "Limits",
    "How much of everything there may be. What is over a limit is refused, and whoever asked for it is told. " +
      "What a stranger or a member can make a node spend is in " +
      "[Security](../../.github/SECURITY.md), what it costs to have so much in [Sizing](../guides/sizing.md).",
    ...PARTS.flatMap(([title, rows]) => [
      `## ${title}`,
      table(["what", "limit", ""], rows.map(([what, limit, more = ""]) => [what, limit, more])),
    ]),
  );
}

function number(count: number): string {
  return count.toLocaleString("en");
}

function days(ms: number): string {
  const count = Math.round(ms / DAY_MS);
  return count % 365 === 0 ? `${count / 365} years` : `${count} days`;
}

function bytes(count: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = count < 1024 ? 0 : Math.min(3, Math.floor(Math.log2(count) / 10));
  return `${count / 1024 ** power} ${units[power]}`;
}
