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
