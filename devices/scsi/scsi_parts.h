/* For the commands only: answers, checks and what they share. */
#ifndef DEVICES_SCSI_SCSI_PARTS_H
#define DEVICES_SCSI_SCSI_PARTS_H

#include "devices/scsi/scsi.h"

/* End with a check condition. */
void scsi_check(struct scsi_request *request, enum scsi_sense sense);
/* The same, with the block that it is about. */
void scsi_check_at(struct scsi_request *request, enum scsi_sense sense, uint64_t lba);
/* Answer with n bytes, of which the guest takes `allocation`, and has room for request->length. */
void scsi_reply(struct scsi_request *request, const void *bytes, size_t n, uint32_t allocation);
/* Fixed format sense data. */
void scsi_sense_store(uint8_t bytes[SCSI_SENSE_BYTES], enum scsi_sense sense);

uint64_t scsi_n_blocks(const struct scsi_target *target);
bool scsi_writable(const struct scsi_target *target);
/* The sense that a failed image operation is told with. */
enum scsi_sense scsi_sense_of(int code, bool write);

#define SCSI_COMMAND(name)                                                                         \
    void scsi_##name(struct scsi_target *target, struct scsi_request *request)

/* scsi_inquiry.c */
SCSI_COMMAND(inquiry);
SCSI_COMMAND(report_luns);
/* scsi_mode.c */
SCSI_COMMAND(mode_sense_6);
SCSI_COMMAND(mode_sense_10);
SCSI_COMMAND(mode_select_6);
SCSI_COMMAND(mode_select_10);
/* scsi_block.c */
SCSI_COMMAND(read);
SCSI_COMMAND(write);
SCSI_COMMAND(verify);
SCSI_COMMAND(write_verify);
SCSI_COMMAND(synchronize_cache);
SCSI_COMMAND(unmap);
SCSI_COMMAND(write_same);
SCSI_COMMAND(read_capacity_10);
SCSI_COMMAND(service_action_in);
SCSI_COMMAND(prefetch);
/* scsi_dvd.c */
SCSI_COMMAND(get_configuration);
SCSI_COMMAND(get_event_status);
SCSI_COMMAND(read_toc);
SCSI_COMMAND(read_disc_information);
SCSI_COMMAND(read_track_information);
SCSI_COMMAND(read_dvd_structure);
SCSI_COMMAND(mechanism_status);
SCSI_COMMAND(read_cd);

#endif
