/**
 * Everything about one node.
 * @module
 */

import type { ComponentChildren, VNode } from "preact";
import type { PolicyLogLine } from "../../../api/mod.ts";
import { bits, bytes, moment, roundTrip, span } from "./format.ts";
import type { LiveStore } from "./live_store.ts";
import { HEALTH_WORDS, type LinkEnd, type Mesh, type MeshLink, type MeshNode } from "./mesh_model.ts";
import { Badge, Copied, Sparkline } from "./parts.tsx";
import { DenialText, PathText, toneOf } from "./marks.tsx";

const MOST_LINKS = 12;
const MOST_EVENTS = 8;
const MOST_DENIALS = 6;

interface DetailProps {
  readonly node: MeshNode;
  readonly mesh: Mesh;
  readonly store: LiveStore;
  readonly onSelect: (key: string | undefined) => void;
}

/** The panel beside the map. */
export function NodeDetail({ node, mesh, store, onSelect }: DetailProps): VNode {
  const { peer } = node;
  const now = store.now();
  return (
    <article class="detail" aria-labelledby="detail-title">
      <header>
        <div>
          <h2 id="detail-title" tabIndex={-1}>{node.name}</h2>
          <p class="detail-tags">
            <Badge tone={toneOf(node.health)}>{HEALTH_WORDS[node.health]}</Badge>
            {node.isLeader && <Badge tone="plain">{node.isElected ? "elected leader" : "leader"}</Badge>}
            {node.isDevice && <Badge tone="plain">device</Badge>}
            {Object.entries(node.labels).map(([key, value]) => (
              <span class="label" key={key}>{key}={value}</span>
            ))}
          </p>
        </div>
        <button
          type="button"
          class="close"
          aria-label="Close the details"
          onClick={() => onSelect(undefined)}
        >
          ×
        </button>
      </header>
      {peer?.lastSeenMs !== undefined && <p class="seen">Last seen {span(now - peer.lastSeenMs)} ago</p>}
      {peer !== undefined && <Figures node={node} store={store} />}
      {peer?.way?.why !== undefined && (
        <p class="why">
          <strong>Not direct:</strong> {peer.way.why}.
        </p>
      )}
      <dl class="facts">
        <Fact name="Addresses">
          {node.addresses.map((address) => <Copied text={address} label="the address" key={address} />)}
        </Fact>
        {peer === undefined ? <OwnFacts store={store} /> : <PeerFacts node={node} store={store} />}
        <Fact name="WireGuard key">
          <Copied text={node.key} label="the public key" isShort />
        </Fact>
        {node.id !== undefined && (
          <Fact name="Node id">
            <Copied text={node.id} label="the node id" isShort />
          </Fact>
        )}
        {(node.version ?? node.system) !== undefined && (
          <Fact name="Runs">
            {[node.version && `weft ${node.version}`, node.system].filter(Boolean).join(", ")}
          </Fact>
        )}
        {node.services.length > 0 && <Fact name="Services">{node.services.join(", ")}</Fact>}
        {node.said !== undefined && node.said.denied > 0 && (
          <Fact name="Denied there">{node.said.denied.toLocaleString("en")} since it started</Fact>
        )}
      </dl>
      <Links node={node} mesh={mesh} now={now} onSelect={onSelect} />
      <Denials node={node} denials={store.one("denials") ?? []} now={now} />
      <Happened node={node} store={store} />
    </article>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Figures({ node, store }: { readonly node: MeshNode; readonly store: LiveStore }): VNode {
  const { past, rtts } = store.traffic(node.key);
  const [rx = 0, tx = 0, , , loss] = node.numbers ?? [];
  return (
    <div class="figures">
      <div>
        <p class="figure-title">Traffic</p>
        <p class="figure">{bits(node.rates.rx + node.rates.tx)}</p>
        <Sparkline points={past} least={1_000} label={`Traffic of the last ${past.length} seconds`} />
        <p class="quiet">↓ {bytes(rx)} ↑ {bytes(tx)}</p>
      </div>
      <div>
        <p class="figure-title">Round trip</p>
        <p class="figure">{roundTrip(node.rttMs)}</p>
        <Sparkline points={rtts} least={1} label={`Round trips of the last ${rtts.length} seconds`} />
        <p class="quiet">
          {loss === null || loss === undefined ? "not probed yet" : `${Math.round(loss)} % lost`}
        </p>
      </div>
    </div>
  );
}

function PeerFacts({ node, store }: { readonly node: MeshNode; readonly store: LiveStore }): VNode | null {
  const { peer } = node;
  if (peer === undefined) return null;
  const { way } = peer;
  const shaken = node.numbers?.[3] ?? null;
  const at = way === undefined ? peer.endpoint : way.endpoint;
  const more = [
    way?.mtuBytes === undefined ? "" : `MTU ${way.mtuBytes}`,
    way?.standbyCount ? `${way.standbyCount} more ready` : "",
  ].filter(Boolean).join(", ");
  const others = (peer.endpoints ?? []).filter((endpoint) => endpoint !== at);
  return (
    <>
      <Fact name="Path">
        <PathText kind={node.path} {...way?.via !== undefined && way.via !== node.name && { via: way.via }} />
        {at !== undefined && <Copied text={at} label="the endpoint" />}
        {more !== "" && <span class="quiet line">{more}</span>}
      </Fact>
      <Fact name="Handshake">{shaken === null ? "never" : `${span(store.now() - shaken)} ago`}</Fact>
      {peer.hub !== undefined && <Fact name="Hub">{peer.hub ?? "none any more"}</Fact>}
      {others.length > 0 && (
        <Fact name="Also at">
          {others.slice(0, 4).map((endpoint) => <span class="line" key={endpoint}>{endpoint}</span>)}
        </Fact>
      )}
      {peer.allowedIps.length > peer.addresses.length && (
        <Fact name="Leads to">
          {peer.allowedIps.slice(peer.addresses.length).map((block) => (
            <span class="line" key={block}>{block}</span>
          ))}
        </Fact>
      )}
    </>
  );
}

function OwnFacts({ store }: { readonly store: LiveStore }): VNode | null {
  const own = store.one("node");
  if (own === undefined) return null;
  const { node, dataplane, reach } = own;
  return (
    <>
      <Fact name="Reached at">
        {node.endpoints.length === 0 && `port ${node.listenPort}`}
        {node.endpoints.slice(0, 4).map((endpoint) => (
          <Copied text={endpoint} label="the endpoint" key={endpoint} />
        ))}
      </Fact>
      {reach !== undefined && (
        <Fact name="UDP">
          {UDP_WORDS[reach.udp]}
          {reach.mapping === "varies" && "; its NAT uses another port for each destination"}
        </Fact>
      )}
      <Fact name="Packets">
        {dataplane.kind === "rootless"
          ? "rootless: message plane only"
          : [dataplane.interfaceName, dataplane.mtuBytes && `MTU ${dataplane.mtuBytes}`, dataplane.aead]
            .filter(Boolean).join(", ")}
      </Fact>
      <Fact name="Up for">{span(store.now() - own.startedAt)}</Fact>
    </>
  );
}

const UDP_WORDS = { works: "works", silent: "seems to be blocked", unknown: "nobody was asked yet" } as const;

function Links({ node, mesh, now, onSelect }: {
  readonly node: MeshNode;
  readonly mesh: Mesh;
  readonly now: number;
  readonly onSelect: (key: string) => void;
}): VNode | null {
  if (node.links.length === 0) return null;
  const sorted = node.links.toSorted((a, b) => Number(a.isHealthy) - Number(b.isHealthy) || b.rate - a.rate);
  return (
    <section>
      <h3>
        Links <span class="count">{node.links.length}</span>
      </h3>
      <ul class="ends">
        {sorted.slice(0, MOST_LINKS).map((link) => {
          const other = link.a === node ? link.b : link.a;
          return (
            <li key={other.key}>
              <button type="button" class="plain" onClick={() => onSelect(other.key)}>{other.name}</button>
              <BothEnds link={link} node={node} now={now} />
            </li>
          );
        })}
      </ul>
      {sorted.length > MOST_LINKS && (
        <p class="quiet">and {sorted.length - MOST_LINKS} more of {mesh.links.length} in the mesh</p>
      )}
    </section>
  );
}

function BothEnds(
  { link, node, now }: { readonly link: MeshLink; readonly node: MeshNode; readonly now: number },
): VNode {
  const [here, there] = link.a === node ? link.ends : [link.ends[1], link.ends[0]];
  const isSame = here !== undefined && there !== undefined && here.path === there.path &&
    here.via === there.via &&
    here.healthy === there.healthy;
  if (isSame || there === undefined || here === undefined) {
    const end = here ?? there;
    return (
      <span class="end">
        {end && <EndText end={end} now={now} />}
        <span class="quiet">{isSame ? "" : here === undefined ? " says the other end" : ""}</span>
      </span>
    );
  }
  return (
    <>
      <span class="end">
        <span class="quiet">here:</span> <EndText end={here} now={now} />
      </span>
      <span class="end">
        <span class="quiet">there:</span> <EndText end={there} now={now} />
      </span>
    </>
  );
}

function EndText({ end, now }: { readonly end: LinkEnd; readonly now: number }): VNode {
  const { path, via, healthy, rttMs, why, at } = end;
  const isOld = at !== undefined && now - at > 60_000;
  return (
    <span title={why}>
      {healthy || path === "half"
        ? <PathText kind={path} {...via !== undefined && { via }} />
        : <PathText kind="none" />}
      {rttMs !== null && healthy && <span class="quiet">{roundTrip(rttMs)}</span>}
      {isOld && <span class="quiet">{span(now - at)} ago</span>}
    </span>
  );
}

function Denials({ node, denials, now }: {
  readonly node: MeshNode;
  readonly denials: readonly PolicyLogLine[];
  readonly now: number;
}): VNode | null {
  const names = new Set([node.name, ...node.addresses]);
  const own = denials.filter((line) =>
    "rule" in line && (names.has(line.source) || names.has(line.destination))
  );
  if (own.length === 0 || node.isSelf) return null;
  return (
    <section>
      <h3>
        Denials here <span class="count">{own.length}</span>
      </h3>
      <ul class="plain-list">
        {own.slice(0, MOST_DENIALS).map((line, i) => (
          <li key={i}>
            <DenialText line={line} now={now} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Happened({ node, store }: { readonly node: MeshNode; readonly store: LiveStore }): VNode | null {
  const events = store.all("event").filter(({ member }) => member === node.name).reverse();
  if (events.length === 0) return null;
  return (
    <section>
      <h3>Lately</h3>
      <ul class="plain-list">
        {events.slice(0, MOST_EVENTS).map(({ number, at, text }) => (
          <li key={number}>
            <time class="quiet">{moment(at, store.now())}</time> {text}
          </li>
        ))}
      </ul>
    </section>
  );
}
