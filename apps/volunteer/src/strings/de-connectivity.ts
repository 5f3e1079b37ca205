/** The connection check in German. */
import type { ConnectivityText } from './en-connectivity.ts';

export const deConnectivity: ConnectivityText = {
  heading: 'Meine Verbindung prüfen',
  note: 'Sieht nur nach, wenn Sie es wollen: wendet sich an den Koordinator und öffnet dann eine Probeverbindung von dieser Seite zu sich selbst, über die Server, die der Koordinator nennt. Diese Server sehen Ihre IP-Adresse; die anderen Geräte erfahren nichts davon.',
  check: 'Jetzt prüfen',
  again: 'Noch einmal prüfen',
  looking: 'Sieht nach; das dauert bis zu einer halben Minute …',
  failed: 'Die Prüfung selbst ließ sich hier nicht ausführen.',
  reportNote:
    'Was gefunden wurde, für alle, die Ihnen helfen. Keine Adresse von Ihnen steht darin, und es bleibt hier, wenn Sie es nicht kopieren.',
  ways: {
    direct: {
      word: 'Direkt',
      sentence: 'Ihr Browser kann sich direkt mit anderen Geräten verbinden. Nichts muss geändert werden.',
    },
    relayed: {
      word: 'Über ein Relais',
      sentence:
        'Direkte Verbindungen gehen von hier aus nicht, aber das Relais funktioniert: Ihr Gerät kann darüber mitmachen.',
    },
    coordinator: {
      word: 'Über den Koordinator',
      sentence:
        'Verbindungen zu anderen Geräten sind hier gesperrt. Ihr Gerät kann trotzdem mitmachen: Der Koordinator gibt alles weiter, langsamer.',
    },
    blocked: {
      word: 'Gesperrt',
      sentence:
        'Der Koordinator ist von hier aus nicht so zu erreichen, wie es nötig ist. Ihr Gerät kann gerade nicht mitmachen.',
    },
  },
  advice: {
    'http-blocked':
      'Der Koordinator antwortet nicht. Sehen Sie nach, ob dieses Gerät online ist und ob kein VPN, keine Firewall und kein Inhaltsblocker dazwischensteht; sonst ist er gerade weg: Versuchen Sie es später.',
    'socket-blocked':
      'Die Seite lädt, aber eine dauernde Verbindung (WebSocket) wird verweigert. Firmen-Proxys und manche Inhaltsblocker tun das: Erlauben Sie WebSockets für diese Adresse, oder nehmen Sie ein anderes Netz.',
    'no-webrtc':
      'WebRTC, womit sich Browser verbinden, ist abgeschaltet: durch eine Erweiterung, eine Richtlinie oder in den Einstellungen des Browsers. Erlauben Sie es für diese Adresse, um sich mit anderen Geräten zu verbinden.',
    'no-candidates':
      'Der Browser gibt keine Adresse her, mit der man sich verbinden könnte. Eine Erweiterung oder Einstellung, die „WebRTC-Lecks verhindert“, tut das: Erlauben Sie WebRTC für diese Adresse.',
    'udp-blocked':
      'Kein Server draußen antwortet über UDP. Meist lässt das Netz keines hinaus: Erlauben Sie ausgehendes UDP in der Firewall, verlassen Sie das VPN, oder nehmen Sie ein anderes Netz, etwa den Hotspot eines Telefons. Oder die Server des Koordinators sind weg.',
    'relay-silent':
      'Das Relais dieses Koordinators antwortet von hier aus nicht. Wer in einem strengen Netz ist, braucht es; sagen Sie es den Leuten, die den Koordinator betreiben.',
    'relay-refused':
      'Das Relais dieses Koordinators lehnt die Zugangsdaten ab, die der Koordinator gab. Sagen Sie es den Leuten, die ihn betreiben: Beide müssen dasselbe Geheimnis kennen.',
    'no-relay':
      'Dieser Koordinator hat kein Relais. Ein Gerät in einem strengen Netz, und eines, das seine Adresse verbirgt, macht stattdessen über den Koordinator mit.',
    'no-address-server':
      'Dieser Koordinator hat keinen Server, der Geräten ihre Adresse nennt. Direkt erreichen Ihr Gerät also vermutlich nur Geräte in Ihrem eigenen Netz.',
  },
};
