/* The numbers that rtp.read and rtp.write put beside an index in the ledger. Of rtp.read's output n
 * the id is n * RTP_NOTES above these. */
#ifndef TT_COMPONENTS_RTP_NOTES_H
#define TT_COMPONENTS_RTP_NOTES_H

enum { RTP_NOTES = 64 };

/* The value is how many so far, but where another is said. */
enum rtp_note {
    RTP_NOTE_LOST = 33,      /* packets */
    RTP_NOTE_LATE = 34,      /* packets that came after their quantum was read */
    RTP_NOTE_STRANGE = 35,   /* packets that are no RTP, of another type, or of another flow */
    RTP_NOTE_RESTARTS = 36,  /* of the sender: another SSRC or another time line */
    RTP_NOTE_JITTER = 37,    /* value: ns, RFC 3550 */
    RTP_NOTE_DRIFT = 38,     /* value: the sender's clock against ours, in parts per 10^9 */
    RTP_NOTE_REORDERED = 39, /* packets that came after a later one */
    RTP_NOTE_DOUBLED = 40,   /* packets that came twice */
    RTP_NOTE_NO_ROOM = 41,   /* quanta that nobody took */
    RTP_NOTE_UNHEARD = 42,   /* rtp.write: packets that the network refused */
    RTP_NOTE_SILENT = 43,    /* value: ms without a packet, once when a second has passed */
    RTP_NOTE_HEARD = 44      /* value: ms without a packet, when one came again */
};

#endif
