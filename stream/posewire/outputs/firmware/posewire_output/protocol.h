// Protocol 1: frames of bytes (docs/serial.md of Posewire). Board-free: also compiled and tested on a computer.
#pragma once
#include <stdint.h>
#include <string.h>

namespace posewire {

const uint8_t START = 0xA5;
const uint8_t PROTOCOL = 1;
const uint8_t FIRMWARE_MAJOR = 1;
const uint8_t FIRMWARE_MINOR = 0;
const uint8_t MAX_PAYLOAD = 24;
const uint8_t OVERHEAD = 6;
const uint8_t MAX_FRAME = MAX_PAYLOAD + OVERHEAD;
const uint8_t CHANNELS = 8;
const uint32_t MAX_US = 0x7FFFFFFF;
const uint32_t NO_EVENT = 0xFFFFFFFF;
const uint32_t NO_REPLY = 0xFFFFFFFF;

enum Type : uint8_t {
  HELLO = 0x01, CONFIGURE = 0x02, PULSE = 0x03, ON = 0x04, OFF = 0x05, VALUE = 0x06, SAFE = 0x07, HEARTBEAT = 0x08,
  ECHO_CLOCK = 0x09, SELFTEST = 0x0A, REARM = 0x0B, RELEASE = 0x0C,
  HELLO_REPLY = 0x81, ACK = 0x82, ENDED = 0x83, ERROR_NOTICE = 0x84, ECHO_REPLY = 0x89, SELFTEST_REPLY = 0x8A
};

enum Status : uint8_t {
  OK = 0, NOT_CONFIGURED = 1, TRIPPED = 2, BUSY = 3, TOO_LONG = 4, TOO_SOON = 5, BAD_CHANNEL = 6, BAD_VALUE = 7,
  BAD_PIN = 8, UNSUPPORTED = 9
};

enum Reason : uint8_t { COMPLETE = 0, BY_OFF = 1, LONGEST = 2, WATCHDOG = 3, BY_SAFE = 4 };
enum Fault : uint8_t { BAD_FRAME = 1, UNKNOWN_TYPE = 2, BAD_LENGTH = 3 };

const uint8_t ACTIVE_LOW = 1;
const uint8_t ANALOG = 2;
const uint8_t HAS_HARDWARE_WATCHDOG = 1;  // in the features of HELLO_REPLY

// CRC-16/CCITT-FALSE, bit by bit: a frame takes some 0.1 ms on a 16 MHz AVR, and no table of 512 bytes.
inline uint16_t crc16(const uint8_t *bytes, uint8_t count) {
  uint16_t crc = 0xFFFF;
  for (uint8_t i = 0; i < count; i++) {
    crc ^= (uint16_t)bytes[i] << 8;
    for (uint8_t bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (uint16_t)(crc << 1) ^ 0x1021 : (uint16_t)(crc << 1);
  }
  return crc;
}

inline uint16_t read16(const uint8_t *at) { return (uint16_t)(at[0] | (uint16_t)at[1] << 8); }
inline uint32_t read32(const uint8_t *at) { return (uint32_t)read16(at) | (uint32_t)read16(at + 2) << 16; }

// Finds frames in the bytes as they come. What begins with a start byte and is no frame is given up by that one byte, so
// that a frame behind garbage, or inside of it, is found as soon as its bytes are there.
class Parser {
 public:
  uint8_t type = 0, sequence = 0, length = 0;
  uint8_t payload[MAX_PAYLOAD];
  uint8_t rejected = 0;  // start bytes that began no frame, 255 at most; the reader sets it back

  void put(uint8_t byte) {
    if (held_ < MAX_FRAME) buffer_[held_++] = byte;  // `next` leaves room for one: nothing is ever left out
  }

  // Whether a frame is complete: call it again until it is not, after each `put`.
  bool next() {
    while (held_ > 0) {
      if (buffer_[0] != START) {
        drop(1);
        continue;
      }
      if (held_ < 2) return false;
      uint8_t count = buffer_[1];
      if (count > MAX_PAYLOAD) {
        reject();
        continue;
      }
      uint8_t whole = count + OVERHEAD;
      if (held_ < whole) return false;
      if (crc16(buffer_ + 1, count + 3) != read16(buffer_ + whole - 2)) {
        reject();
        continue;
      }
      length = count;
      type = buffer_[2];
      sequence = buffer_[3];
      memcpy(payload, buffer_ + 4, count);
      drop(whole);
      return true;
    }
    return false;
  }

 private:
  uint8_t buffer_[MAX_FRAME];
  uint8_t held_ = 0;

  void drop(uint8_t count) {
    held_ -= count;
    memmove(buffer_, buffer_ + count, held_);
  }
  void reject() {
    if (rejected < 255) rejected++;
    drop(1);
  }
};

// A frame to the host, put together field by field.
class Reply {
 public:
  Reply(uint8_t type, uint8_t sequence) {
    bytes_[0] = START;
    bytes_[2] = type;
    bytes_[3] = sequence;
  }
  Reply &u8(uint8_t value) {
    bytes_[used_++] = value;
    return *this;
  }
  Reply &u16(uint16_t value) { return u8((uint8_t)value).u8((uint8_t)(value >> 8)); }
  Reply &u32(uint32_t value) { return u16((uint16_t)value).u16((uint16_t)(value >> 16)); }
  Reply &u64(uint64_t value) { return u32((uint32_t)value).u32((uint32_t)(value >> 32)); }
  const uint8_t *bytes() {
    bytes_[1] = used_ - 4;
    uint16_t crc = crc16(bytes_ + 1, used_ - 1);
    bytes_[used_] = (uint8_t)crc;
    bytes_[used_ + 1] = (uint8_t)(crc >> 8);
    return bytes_;
  }
  uint8_t size() const { return used_ + 2; }

 private:
  uint8_t bytes_[MAX_FRAME];
  uint8_t used_ = 4;
};

}  // namespace posewire
