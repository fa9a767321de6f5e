/**
 * What may be asked of an agent about members, without an agent.
 * @module
 */

import type {
  AddressRequest,
  AuditReport,
  AuditRequest,
  DefaultGrantsReport,
  DefaultGrantsRequest,
  GrantsRequest,
  LabelsRequest,
  LeaveReport,
  LeaveRequest,
  MemberReport,
  MembershipControl,
  MembersRequest,
  PendingJoin,
  PrunedPeers,
  PruneRequest,
  RenameRequest,
} from "../../api/mod.ts";
import { UnknownPeerError } from "../errors.ts";
import { SamplePolicies } from "./sample_policies.ts";

const member: MemberReport = {
  id: "ab".repeat(16),
  name: "web-1",
  roles: ["member"],
  addresses: ["10.200.0.2"],
  labels: { role: "web" },
  statedLabels: { zone: "a" },
  unconfirmedLabels: {},
  grants: { offer: ["orders"], publish: [], subscribe: [], names: [], claimed: ["cart"] },
};

const everybody: DefaultGrantsReport = {
  offer: [],
  publish: ["*:>"],
  subscribe: ["*:>"],
  names: [],
  claims: true,
};

const pending: PendingJoin = {
  id: "cd".repeat(16),
  name: "web-2",
  from: "192.0.2.7:4000",
  token: "0123456789abcdef0123456789abcdef",
  since: 1_700_000_000_000,
};

const happened: AuditReport = {
  number: 1,
  at: 1_700_000_000_000,
  kind: "joined",
  leader: "lead",
  by: { kind: "token", id: "0123456789abcdef0123456789abcdef" },
  node: { id: member.id, name: member.name },
  detail: { address: "10.200.0.2" },
};

/** Answers from tables, and writes down what it was asked to change. */
export class SampleMembers extends SamplePolicies implements MembershipControl {
  members({ node = member.name }: MembersRequest = {}): MemberReport[] {
    if (node === member.name || member.addresses.includes(node)) return [member];
    throw new UnknownPeerError(`Cannot find ${JSON.stringify(node)}: nobody in the network goes by that`);
  }

  changeLabels(request: LabelsRequest): MemberReport {
    this.asked.push(request);
    return { ...member, labels: request.set ?? {} };
  }

  renameMember(request: RenameRequest): MemberReport {
    this.asked.push(request);
    return { ...member, name: request.name };
  }

  setAddress(request: AddressRequest): MemberReport {
    this.asked.push(request);
    return { ...member, addresses: [request.address] };
  }

  changeGrants(request: GrantsRequest): MemberReport {
    this.asked.push(request);
    return member;
  }

  defaultGrants(): DefaultGrantsReport {
    return everybody;
  }

  changeDefaultGrants(request: DefaultGrantsRequest): DefaultGrantsReport {
    this.asked.push(request);
    return { ...everybody, claims: request.claims ?? true };
  }

  listPending(): PendingJoin[] {
    return [pending];
  }

  approveJoin(who: string): Promise<MemberReport> {
    if (who !== pending.name) {
      return Promise.reject(new UnknownPeerError(`Cannot find ${who}: nobody waits who goes by that`));
    }
    this.asked.push({ approved: who });
    return Promise.resolve({ ...member, name: who });
  }

  refuseJoin(who: string): PendingJoin {
    this.asked.push({ refused: who });
    return pending;
  }

  listAudit(request: AuditRequest): AuditReport[] {
    this.asked.push(request);
    return [happened].filter(({ at }) => at >= (request.since ?? 0));
  }

  prunePeers(request: PruneRequest): PrunedPeers {
    this.asked.push(request);
    return { peers: [{ name: "web-1", id: member.id, lastSeenMs: 1_700_000_000_000 }], left: 0 };
  }

  leave(request: LeaveRequest): Promise<LeaveReport> {
    this.asked.push({ left: request });
    return Promise.resolve({ isKnown: true });
  }
}
