/**
 * What has happened, the last first.
 * @module
 */

import type { VNode } from "preact";
import type { TimelineEvent } from "../../../api/mod.ts";
import { has, type ViewProps } from "./list_search.ts";
import { Nothing } from "./parts.tsx";

const EVENT_TONES: Readonly<Record<string, string>> = {
  joined: "good",
  healthy: "good",
  unhealthy: "bad",
  removed: "bad",
  warning: "warn",
  path: "warn",
};

/** What has happened, the last first. */
export function TimelineView({ store, search, onSelect }: ViewProps & {
  readonly onSelect: (name: string) => void;
}): VNode {
  const now = store.now();
  const events = store.all("event").filter(({ text, kind }) => has(search, text, kind))
    .toSorted((a, b) => b.number - a.number);
  if (events.length === 0) return <Nothing>Nothing has happened that matches.</Nothing>;
  const days = Map.groupBy(events, ({ at }) => new Date(at).toDateString());
  return (
    <div class="timeline">
      {[...days].map(([day, those]) => (
        <section key={day}>
          <h3>{day === new Date(now).toDateString() ? "Today" : day}</h3>
          <ol>{those.map((event) => <EventLine event={event} onSelect={onSelect} key={event.number} />)}</ol>
        </section>
      ))}
    </div>
  );
}

function EventLine({ event, onSelect }: {
  readonly event: TimelineEvent;
  readonly onSelect: (name: string) => void;
}): VNode {
  const { kind, text, member, at } = event;
  return (
    <li>
      <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString("en-GB")}</time>
      <i class={`dot ${EVENT_TONES[kind] ?? "quiet"}`} aria-hidden="true" />
      <span>
        {member !== undefined && text.startsWith(member)
          ? (
            <>
              <button type="button" class="plain" onClick={() => onSelect(member)}>{member}</button>
              {text.slice(member.length)}
            </>
          )
          : text}
      </span>
    </li>
  );
}
