/**
 * With whom a volunteer is willing to link, and the ways on which two tabs can reach each other. The policy is the
 * person's choice of who may see their IP address; the route is what follows from two policies and the network.
 */
import Type, { type Static } from 'typebox';

/**
 *   direct      links with peers, directly where that works: they see this tab's address
 *   relay-only  links with peers, through a TURN relay only: the relay sees the address, peers see the relay's
 *   no-peers    no WebRTC at all: frames go through the coordinator, and it alone sees the address
 */
export const LINK_POLICIES = ['direct', 'relay-only', 'no-peers'] as const;
export const LinkPolicySchema = Type.Enum(LINK_POLICIES);
export type LinkPolicy = Static<typeof LinkPolicySchema>;

/** How frames go from one tab to another: by WebRTC without or with a TURN relay, or in envelopes through the coordinator. */
export const LINK_ROUTES = ['direct', 'relayed', 'coordinator'] as const;
export type LinkRoute = (typeof LINK_ROUTES)[number];

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const RouteTotalsSchema = Type.Object(
  {
    /** Links open now. */
    links: Count,
    /** Peer bytes since the tab joined. */
    bytesSent: Count,
    bytesReceived: Count,
  },
  { additionalProperties: false },
);
export type RouteTotals = Static<typeof RouteTotalsSchema>;
export const RoutesSchema = Type.Object(
  { direct: RouteTotalsSchema, relayed: RouteTotalsSchema, coordinator: RouteTotalsSchema },
  { additionalProperties: false },
);
export type Routes = Static<typeof RoutesSchema>;

const NO_ROUTE: RouteTotals = { links: 0, bytesSent: 0, bytesReceived: 0 };
export const NO_ROUTES: Routes = { direct: NO_ROUTE, relayed: NO_ROUTE, coordinator: NO_ROUTE };
