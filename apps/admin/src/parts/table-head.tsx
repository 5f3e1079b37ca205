/** The head of a table that becomes a list on a narrow screen, where roles must be said (style: stacking). */
export const TableHead = ({ heads }: { readonly heads: readonly string[] }) => (
  <thead role="rowgroup">
    <tr role="row">
      {heads.map((head) => (
        <th scope="col" role="columnheader" key={head}>
          {head}
        </th>
      ))}
    </tr>
  </thead>
);
