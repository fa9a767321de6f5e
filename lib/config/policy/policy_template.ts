/**
 * The file that `weft policy init` writes.
 * @module
 */

/**
 * As it is, it takes nothing from anybody: nobody has the labels that its rules name. What is commented out needs names
 * that are there.
 */
export const POLICY_TEMPLATE =
  `# Who may reach whom in this mesh: packets, calls, events, connections and names.
#
#   weft policy test policy.yaml     runs the tests below against the members that there are
#   weft policy diff policy.yaml     says what it would change, and for whom
#   weft policy apply policy.yaml    has it take effect, on all members at once (on a leader)
#
# What no rule has as its destination may be reached by everybody. What any rule names there may be reached only as
# the rules say, by any kind of traffic. This is decided for whoever begins; answers pass by themselves.

# How denials are answered: drop says nothing; reject tells at once, by TCP's reset, ICMP or an error of the call.
answer: drop

# hide answers names only for those who may reach something there; show answers them for all.
names: show

# Selectors by name, for group:NAME below. Labels are a leader's word: \`weft label web-1 role=web\`.
groups:
  backend: role in (api, db)

# The higher priority is asked first; within one deny, then redirect, then allow, then as they stand here.
# The first that matches decides. Rules are named POLICY#NUMBER, here web-tier#1 and so on.
policies:
  - name: web-tier
    priority: 100
    rules:
      - allow: {from: role=web, to: group:backend, ports: tcp/5432}
      - allow: {from: role=web, to: group:backend, ports: [tcp/8080-8090, udp/53, icmp]}
      - deny: {from: quarantine=yes, to: group:backend, answer: reject}
      # Calls and events, wherever they go: a service and what is below it, and topics.
      # - allow: {from: role=web, to: service:orders}
      # - allow: {from: role=web, to: "topic:metrics/>"}
      # A source that begins nothing; since all are its destinations, the second keeps them open for others.
      # - deny: {from: role=kiosk, to: "*"}
      # - allow: {from: role!=kiosk, to: "*"}
      # Rates are for each member and direction; bytes (100mbit, 12MB) or packets, calls and events (500/s).
      # - limit: {from: role=backup, to: "*", rate: 100mbit, burst: 1MB}
      # - qos: {from: role=phone, to: "*", ports: udp/16384-32767, dscp: ef}
      # By another member on the way.
      # - redirect: {from: role=web, to: role=db, ports: tcp/5432, via: name=inspect-1}
  # Rules between the endpoints of an overlay network (weft network list).
  # - name: blue-tier
  #   network: blue
  #   rules:
  #     - allow: {from: role=web, to: name=printer, ports: tcp/9100}

# What must hold. They run at test and apply; one that fails is named with the rule that decided, and nothing changes.
# tests:
#   - {from: web-1, accept: ["db-1:5432", "db-1:icmp"], deny: ["db-1:22", "db-1:udp/161"]}
#   - {from: role=web, accept: ["service:orders/place"], deny: ["topic:audit/login"]}
`;
