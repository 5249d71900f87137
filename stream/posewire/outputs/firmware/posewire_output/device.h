// The whole device but for its pins: frames in, channels, watchdogs, the self-test, frames out.
#pragma once
#include "board.h"
#include "channel.h"
#include "protocol.h"

namespace posewire {

class Device {
 public:
  // Tell the host that the device has begun (anew): all outputs are off and none is configured.
  void begin() { send_hello(0); }

  // What is due now. Call it as often as possible, and always before `receive`: a watchdog that ran out while nobody
  // looked has to trip before old commands are read.
  void tick() {
    uint32_t now = clock();
    for (uint8_t i = 0; i < CHANNELS; i++) {
      Channel &channel = channels_[i];
      if (!channel.configured) continue;
      if (channel.overdue(now)) {
        bool was = channel.rest(now);
        channel.tripped = true;
        channel.trips++;
        send_ended(i, was ? channel.event() : NO_EVENT, WATCHDOG);
        continue;
      }
      bool began = false;
      int reason = channel.tick(now, began);
      if (reason >= 0) send_ended(i, channel.event(), (uint8_t)reason);
      if (began) answered(i, now);
    }
    test_tick(now);
  }

  void receive(uint8_t byte) {
    parser_.put(byte);
    while (parser_.next()) {
      if (parser_.rejected) {
        send(Reply(ERROR_NOTICE, 0).u8(BAD_FRAME).u8(parser_.rejected));
        parser_.rejected = 0;
      }
      handle();
    }
  }

 private:
  Channel channels_[CHANNELS];
  Parser parser_;
  uint32_t low_ = 0, high_ = 0;
  enum TestState : uint8_t { NONE, DARK, LIT };
  TestState test_ = NONE;
  uint8_t test_channel_ = 0, test_pin_ = 0, test_sequence_ = 0;
  bool test_low_ = false;
  uint16_t early_ = 0;
  uint32_t test_since_ = 0, test_wait_ = 0, test_timeout_ = 0, random_ = 0x9E3779B9;
  uint64_t lit_ = 0;

  uint32_t clock() {
    uint32_t now = board_micros();
    if (now < low_) high_++;
    low_ = now;
    return now;
  }
  uint64_t long_clock() const { return (uint64_t)high_ << 32 | low_; }

  void handle() {
    static const uint8_t sizes[] = {0, 1, 15, 19, 9, 5, 7, 1, 1, 4, 9, 3, 1};  // by type
    uint8_t type = parser_.type;
    if (type == 0 || type >= sizeof sizes) {
      send(Reply(ERROR_NOTICE, parser_.sequence).u8(UNKNOWN_TYPE).u8(type));
      return;
    }
    if (parser_.length != sizes[type]) {
      send(Reply(ERROR_NOTICE, parser_.sequence).u8(BAD_LENGTH).u8(type));
      return;
    }
    const uint8_t *in = parser_.payload;
    uint32_t now = clock();
    random_ ^= now;
    switch (type) {
      case HELLO: hello(in[0], now); return;
      case SAFE: safe(in[0], now); return;
      case HEARTBEAT: heartbeat(in[0], now); return;
      case ECHO_CLOCK: send(Reply(ECHO_REPLY, parser_.sequence).u32(read32(in)).u64(long_clock())); return;
      default: break;
    }
    bool has_event = type >= PULSE && type <= VALUE;
    uint32_t event = has_event ? read32(in + 1) : NO_EVENT;
    uint8_t status = in[0] < CHANNELS ? command(type, in[0], event, in + (has_event ? 5 : 1), now) : (uint8_t)BAD_CHANNEL;
    send(Reply(ACK, parser_.sequence).u32(event).u64(long_clock()).u8(status));
  }

  uint8_t command(uint8_t type, uint8_t index, uint32_t event, const uint8_t *rest, uint32_t now) {
    Channel &channel = channels_[index];
    if (type == CONFIGURE) return configure(index, rest, now);
    if (!channel.configured) return NOT_CONFIGURED;
    uint8_t status = OK;
    switch (type) {
      case PULSE: {
        status = channel.pulse(event, read32(rest), read32(rest + 4), read16(rest + 8), read32(rest + 10), now);
        bool began = false;
        if (status == OK) channel.tick(now, began);  // without a delay it begins here, not at the next turn
        if (began) answered(index, now);
        return status;
      }
      case ON:
        status = channel.on(event, read32(rest), now);
        if (status == OK) answered(index, now);
        return status;
      case OFF:
        if (channel.rest(now)) send_ended(index, channel.event(), BY_OFF);
        return OK;
      case VALUE:
        status = channel.value(read16(rest));
        if (status == OK) answered(index, now);
        return status;
      case REARM:
        if (read16(rest) != channel.trips) return BAD_VALUE;
        channel.tripped = false;
        channel.heard(now);
        return OK;
      case RELEASE:
        if (channel.rest(now)) send_ended(index, channel.event(), BY_SAFE);
        channel.configured = false;
        return OK;
      default:
        return start_test(index, rest, now);
    }
  }

  uint8_t configure(uint8_t index, const uint8_t *rest, uint32_t now) {
    uint8_t pin = rest[0], flags = rest[1];
    uint32_t longest = read32(rest + 4), gap = read32(rest + 8);
    uint16_t watchdog = read16(rest + 12);
    if (watchdog == 0 || longest == 0 || longest > MAX_US || gap > MAX_US) return BAD_VALUE;
    if (!board_can(pin, flags & ANALOG)) return BAD_PIN;
    for (uint8_t i = 0; i < CHANNELS; i++)
      if (i != index && channels_[i].configured && channels_[i].pin == pin) return BAD_PIN;
    if (test_ != NONE && test_pin_ == pin) return BAD_PIN;
    if (channels_[index].configured && channels_[index].rest(now)) send_ended(index, channels_[index].event(), BY_SAFE);
    channels_[index].configure(pin, flags, read16(rest + 2), longest, gap, watchdog, now);
    return OK;
  }

  void hello(uint8_t protocol, uint32_t now) {
    if (protocol == PROTOCOL) {
      safe_channels(0xFF, now);
      for (uint8_t i = 0; i < CHANNELS; i++) channels_[i].configured = false;
      if (test_ != NONE) end_test();
    }
    send_hello(parser_.sequence);
  }

  void safe(uint8_t mask, uint32_t now) {
    safe_channels(mask, now);
    send(Reply(ACK, parser_.sequence).u32(NO_EVENT).u64(long_clock()).u8(OK));
  }

  void safe_channels(uint8_t mask, uint32_t now) {
    for (uint8_t i = 0; i < CHANNELS; i++)
      if (mask >> i & 1 && channels_[i].configured && channels_[i].rest(now))
        send_ended(i, channels_[i].event(), BY_SAFE);
  }

  void heartbeat(uint8_t mask, uint32_t now) {
    for (uint8_t i = 0; i < CHANNELS; i++) {
      if (!(mask >> i & 1) || !channels_[i].configured) continue;
      if (channels_[i].tripped) send_ended(i, NO_EVENT, WATCHDOG);  // the first notice may have been lost
      else channels_[i].heard(now);
    }
  }

  // The self-test: an LED goes on when nobody can know, and the channel's next start is the reply.

  uint8_t start_test(uint8_t index, const uint8_t *rest, uint32_t now) {
    if (test_ != NONE) return BUSY;
    if (!board_can(rest[0], false)) return BAD_PIN;
    for (uint8_t i = 0; i < CHANNELS; i++)
      if (channels_[i].configured && channels_[i].pin == rest[0]) return BAD_PIN;
    test_channel_ = index;
    test_pin_ = rest[0];
    test_low_ = rest[1] & ACTIVE_LOW;
    test_sequence_ = parser_.sequence;
    random_ ^= random_ << 13;
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    uint32_t span = (uint32_t)read16(rest + 4) * 1000;
    test_wait_ = (uint32_t)read16(rest + 2) * 1000 + (span ? random_ % (span + 1) : 0);
    test_timeout_ = (uint32_t)read16(rest + 6) * 1000;
    test_since_ = now;
    early_ = 0;
    test_ = DARK;
    board_claim(test_pin_, test_low_);
    return OK;
  }

  void test_tick(uint32_t now) {
    if (test_ == DARK && now - test_since_ >= test_wait_) {
      board_output(test_pin_, !test_low_);
      test_ = LIT;
      test_since_ = now;
      lit_ = long_clock();
    } else if (test_ == LIT && now - test_since_ >= test_timeout_) {
      report_test(NO_REPLY);
    }
  }

  void answered(uint8_t index, uint32_t now) {
    if (test_ == NONE || index != test_channel_) return;
    if (test_ == DARK) early_++;
    else report_test(now - test_since_);
  }

  void report_test(uint32_t reply) {
    end_test();
    send(Reply(SELFTEST_REPLY, test_sequence_).u8(test_channel_).u64(lit_).u32(reply).u16(early_));
  }

  void end_test() {
    board_output(test_pin_, test_low_);
    test_ = NONE;
  }

  void send(Reply &reply) {
    const uint8_t *bytes = reply.bytes();
    board_send(bytes, reply.size());
  }
  void send(Reply &&reply) { send(reply); }
  void send_hello(uint8_t sequence) {
    send(Reply(HELLO_REPLY, sequence).u8(PROTOCOL).u8(FIRMWARE_MAJOR).u8(FIRMWARE_MINOR).u8(CHANNELS)
             .u8(board_features()).u64(long_clock()));
  }
  void send_ended(uint8_t index, uint32_t event, uint8_t reason) {
    send(Reply(ENDED, 0).u8(index).u32(event).u64(long_clock()).u8(reason).u16(channels_[index].trips));
  }
};

}  // namespace posewire
