/** REST that strangers read before they agree: who asks, and which servers help browsers to find each other. */
import Type, { type Static } from 'typebox';
import { IceServerSchema } from './coordinator-messages.ts';

export const OperatorSchema = Type.Object({
  name: Type.String({ maxLength: 80 }),
  /** A mail address or an https URL; null: none was given. */
  contact: Type.Union([Type.String({ maxLength: 200 }), Type.Null()]),
});
export type Operator = Static<typeof OperatorSchema>;

export const PublicCoordinatorSchema = Type.Object({
  /** Null: the operator says nothing of themselves. */
  operator: Type.Union([OperatorSchema, Type.Null()]),
});

export const PublicIceServersSchema = Type.Object({
  iceServers: Type.Array(IceServerSchema, { maxItems: 9 }),
});
